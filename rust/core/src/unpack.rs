//! A payload back to the rows that it was made of, so that they can be taken in again by another campaign.

use crate::error::Error;
use crate::json_text::write_escaped;
use crate::payload::Payload;
use crate::template::Template;

/// One JSON object a line for each of `seqs`, in their order: the number with its `+` under `number_key`, then the template's
/// values under their names. Every row also has the member `also`, if one is given. No key may be a name of the template.
///
/// # Errors
/// [`Error::Payload`] when the payload cannot be opened, does not hold one of `seqs`, or holds other values than the
/// template takes.
pub fn payload_rows(
    payload: &[u8],
    template: &Template,
    seqs: &[u32],
    number_key: &str,
    also: Option<(&str, &str)>,
) -> Result<Vec<u8>, Error> {
    let payload = Payload::open(payload)?;
    let names = template.names();
    if payload.values_per_message() != names.len() {
        return Err(Error::Payload(format!(
            "The payload holds {} values per message and the template takes {}.",
            payload.values_per_message(),
            names.len()
        )));
    }
    let mut rows = Vec::with_capacity(seqs.len() * 48);
    let mut values = Vec::with_capacity(names.len());
    for &seq in seqs {
        let index =
            seq.checked_sub(payload.first_seq()).map(|index| index as usize).filter(|&index| index < payload.len());
        let index = index.ok_or_else(|| Error::Payload(format!("The payload does not hold the message {seq}.")))?;
        values.clear();
        payload.values(index, &mut values)?;
        rows.push(b'{');
        let number = format!("+{}", payload.message(index).0);
        write_member(number_key, &number, &mut rows);
        let members = names.iter().zip(&values).map(|(name, value)| (name.as_str(), *value));
        for (name, value) in also.into_iter().chain(members) {
            rows.push(b',');
            write_member(name, value, &mut rows);
        }
        rows.extend_from_slice(b"}\n");
    }
    Ok(rows)
}

fn write_member(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(name, out);
    out.extend_from_slice(b"\":\"");
    write_escaped(value, out);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::payload_rows;
    use crate::payload::PayloadWriter;
    use crate::template::Template;

    fn packed() -> Vec<u8> {
        let mut writer = PayloadWriter::default();
        writer.push(4_915_100_000_000, 1, &["Ann \"A\"", "1"]);
        writer.push(4_915_100_000_001, 1, &["Bob", "\u{1}"]);
        writer.pack(7, 2)
    }

    #[test]
    fn rows_are_objects_in_the_order_asked_for() {
        let template = Template::new("{name} {Code}").expect("a template");
        let rows = payload_rows(&packed(), &template, &[8, 7], "+", Some(("+zone", "UTC"))).expect("rows");
        let expected = "{\"+\":\"+4915100000001\",\"+zone\":\"UTC\",\"name\":\"Bob\",\"code\":\"\\u0001\"}\n\
                        {\"+\":\"+4915100000000\",\"+zone\":\"UTC\",\"name\":\"Ann \\\"A\\\"\",\"code\":\"1\"}\n";
        assert_eq!(String::from_utf8(rows).expect("text"), expected);
    }

    #[test]
    fn foreign_sequence_numbers_and_templates_are_refused() {
        let template = Template::new("{name} {Code}").expect("a template");
        for seq in [0, 6, 9] {
            payload_rows(&packed(), &template, &[seq], "+", None).expect_err("no such message");
        }
        payload_rows(&packed(), &Template::new("{name}").expect("a template"), &[7], "+", None)
            .expect_err("another template");
    }
}
