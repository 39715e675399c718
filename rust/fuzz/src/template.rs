//! Templates: what is written is rendered, and nothing else.

use penstock_core::Error;
use penstock_core::bounds::MAX_NAMES;
use penstock_core::template::Template;

use super::choices::text;

pub fn check(data: &[u8]) {
    let text = text(data);
    let literal = text.replace('{', "{{").replace('}', "}}");
    let rendered = Template::new(&literal).and_then(|template| template.render::<&str>(&[]));
    assert_eq!(rendered.as_deref(), Ok(text));
    let template = match Template::new(text) {
        Ok(template) => template,
        Err(Error::Template(_)) => return,
        Err(other) => panic!("{other:?}"),
    };
    let names = template.names();
    assert!(names.len() <= MAX_NAMES);
    assert!(names.iter().enumerate().all(|(index, name)| !names[..index].contains(name)));
    assert!(names.iter().all(|name| !name.is_empty() && *name == name.to_lowercase()));
    let values: Vec<String> = names.iter().map(|name| format!("<{name}>")).collect();
    assert_eq!(template.render(&values).as_deref(), Ok(&*render_slowly(text)));
    let too_many = vec![""; names.len() + 1];
    assert!(matches!(template.render(&too_many), Err(Error::Argument(_))));
}

/// Character by character; the text is known to be a template.
fn render_slowly(text: &str) -> String {
    let mut rendered = String::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let doubled = rest.as_str().starts_with(character);
        match character {
            '{' | '}' if doubled => {
                rest.next();
                rendered.push(character);
            }
            '{' => {
                let name: String = rest.by_ref().take_while(|&character| character != '}').collect();
                rendered.extend(["<", &name.to_lowercase(), ">"]);
            }
            _ => rendered.push(character),
        }
    }
    rendered
}
