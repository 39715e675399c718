//! Why a JSON text has no canonical form.

/// One byte, not a text: it is returned for every value that is read, and has to fit a register.
#[derive(Clone, Copy)]
pub(crate) enum Flaw {
    NotUtf8,
    ByteOrderMark,
    TooLong,
    TooDeep,
    Ends,
    Trailing,
    NoValue,
    NoKey,
    NoColon,
    NoComma,
    BadNumber,
    BadEscape,
    HalfPair,
    Control,
    Repeated,
}

impl Flaw {
    /// What follows "The JSON body cannot be used: ".
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::NotUtf8 => "it is not UTF-8",
            Self::ByteOrderMark => "it begins with a byte order mark",
            Self::TooLong => "it has 4 GiB or more",
            Self::TooDeep => "it is nested more than 64 deep",
            Self::Ends => "it ends too early",
            Self::Trailing => "something follows its end",
            Self::NoValue => "a value is expected",
            Self::NoKey => "a key is expected",
            Self::NoColon => "a colon is expected",
            Self::NoComma => "a comma or a closing bracket is expected",
            Self::BadNumber => "a number is malformed",
            Self::BadEscape => "a backslash begins no escape",
            Self::HalfPair => "an escape is half a surrogate pair",
            Self::Control => "a control character stands in a string",
            Self::Repeated => "a key stands twice in one object",
        }
    }
}
