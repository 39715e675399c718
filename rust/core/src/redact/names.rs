//! The names of private fields: `api_key`, `apiKey`, `API-KEY` and `Api Key` are one name.

/// How far the value of a private name reaches in a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// One value: a word, a quoted text, something in brackets.
    Plain,
    /// One value, also where the pair could be prose: `password: value`.
    Credential,
    /// The rest of the line.
    Header,
    /// What people wrote: everything up to the next pair.
    Content,
}

/// As they are compared: lower case, without `-`, `_` and blanks.
const FIELDS: [(&str, Kind); 23] = [
    ("destination", Kind::Plain),
    ("email", Kind::Plain),
    ("key", Kind::Plain),
    ("mobile", Kind::Plain),
    ("msisdn", Kind::Plain),
    ("phone", Kind::Plain),
    ("phonenumber", Kind::Plain),
    ("recipient", Kind::Plain),
    ("sendernumber", Kind::Plain),
    ("to", Kind::Plain),
    ("urlquery", Kind::Plain),
    ("body", Kind::Content),
    ("payload", Kind::Content),
    ("text", Kind::Content),
    // Also at the end of longer names: client_secret, accessToken, x-webhook-secret.
    ("apikey", Kind::Credential),
    ("passwd", Kind::Credential),
    ("password", Kind::Credential),
    ("privatekey", Kind::Credential),
    ("secret", Kind::Credential),
    ("token", Kind::Credential),
    // So too: proxy-authorization, set-cookie.
    ("authorization", Kind::Header),
    ("cookie", Kind::Header),
    ("cookies", Kind::Header),
];

/// Names up to this length are compared without a copy on the heap.
const SHORT: usize = 64;

pub(super) struct Names {
    /// Those that must be met as a whole, by their length.
    by_len: Vec<Vec<(Box<str>, Kind)>>,
    endings: Vec<(&'static str, Kind)>,
}

impl Names {
    pub(super) fn new<Name: AsRef<str>>(extra: impl IntoIterator<Item = Name>) -> Self {
        let is_ending = |kind: Kind| matches!(kind, Kind::Credential | Kind::Header);
        let mut names =
            Self { by_len: Vec::new(), endings: FIELDS.into_iter().filter(|(_, kind)| is_ending(*kind)).collect() };
        for (name, kind) in FIELDS {
            names.add(name, kind);
        }
        for name in extra {
            names.add(&plain(name.as_ref()), Kind::Plain);
        }
        names
    }

    fn add(&mut self, name: &str, kind: Kind) {
        if name.is_empty() || self.whole(name).is_some() {
            return;
        }
        let len = self.by_len.len().max(name.len() + 1);
        self.by_len.resize_with(len, Vec::new);
        self.by_len[name.len()].push((name.into(), kind));
    }

    pub(super) fn all(&self) -> Vec<&str> {
        self.by_len.iter().flatten().map(|(name, _)| &**name).collect()
    }

    /// What kind of private name this is, if it is one.
    pub(super) fn kind(&self, name: &str) -> Option<Kind> {
        if name.len() > SHORT || !name.is_ascii() {
            return self.plain_kind(&plain(name));
        }
        let mut buffer = [0; SHORT];
        let mut len = 0;
        for byte in name.bytes().filter(|&byte| !matches!(byte, b'-' | b'_' | b' ')) {
            buffer[len] = byte.to_ascii_lowercase();
            len += 1;
        }
        self.plain_kind(str::from_utf8(&buffer[..len]).ok()?)
    }

    fn plain_kind(&self, name: &str) -> Option<Kind> {
        let last = name.as_bytes().last()?;
        // Few names end in the letter of an ending: that is looked at first, because comparing short texts is a call.
        let has_ending = |ending: &str| ending.as_bytes().last() == Some(last) && name.ends_with(ending);
        let of_ending = || self.endings.iter().find(|(ending, _)| has_ending(ending)).map(|(_, kind)| *kind);
        self.whole(name).or_else(of_ending)
    }

    fn whole(&self, name: &str) -> Option<Kind> {
        let first = name.as_bytes().first()?;
        let is_name = |known: &str| known.as_bytes().first() == Some(first) && known == name;
        self.by_len.get(name.len())?.iter().find(|(known, _)| is_name(known)).map(|(_, kind)| *kind)
    }
}

fn plain(name: &str) -> String {
    name.to_lowercase().replace(['-', '_', ' '], "")
}
