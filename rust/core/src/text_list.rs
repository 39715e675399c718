//! Many short texts in one allocation: a column of ids or statuses on its way to Python.

/// Texts in order, all in one piece of memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextList {
    joined: String,
    ends: Vec<usize>,
}

impl TextList {
    /// Appends a text.
    pub(crate) fn push(&mut self, text: &str) {
        self.joined.push_str(text);
        self.ends.push(self.joined.len());
    }

    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The texts in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let text = &self.joined[start..end];
            start = end;
            text
        })
    }
}
