//! Rows in PostgreSQL's binary COPY format. It knows types and lengths, not tables.
//!
//! A stream is a fixed header, then for each row the number of fields and for each field its length and bytes, then -1.
//! All integers are big endian. Every row begins with the same campaign, so the constant bytes are put together once.

const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// A stream of rows of `fields` fields each.
#[derive(Debug)]
pub(crate) struct CopyStream {
    bytes: Vec<u8>,
    start_of_row: [u8; 2],
}

impl CopyStream {
    /// An empty stream with room for `rows` rows of `row_bytes` bytes.
    pub(crate) fn new(fields: i16, rows: usize, row_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEADER.len() + rows * row_bytes + TRAILER.len());
        bytes.extend_from_slice(HEADER);
        Self { bytes, start_of_row: fields.to_be_bytes() }
    }

    /// Begins a row; as many fields as announced must follow.
    pub(crate) fn row(&mut self) -> &mut Self {
        self.bytes.extend_from_slice(&self.start_of_row);
        self
    }

    /// A field of bytes that are already in the type's binary form.
    pub(crate) fn field<const N: usize>(&mut self, bytes: [u8; N]) -> &mut Self {
        self.length(N);
        self.bytes.extend_from_slice(&bytes);
        self
    }

    /// A text field. The text must not contain NUL, which no PostgreSQL text can hold.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.length(text.len());
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    /// The whole stream.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&TRAILER);
        self.bytes
    }

    fn length(&mut self, length: usize) {
        self.bytes.extend_from_slice(&i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes());
    }
}
