//! One pass over the UTF-8 of a text, counting what its encoding and length depend on. Whole blocks of bytes are compared
//! with the few ranges that matter, without a branch, which compiles to vector code; a table look-up per byte took three
//! times as long. It knows ASCII and the shape of UTF-8 only: other characters are looked up in [`crate::gsm7`].

/// Bytes counted together: few enough that a count fits one byte, so that one vector holds many of them.
const BLOCK: usize = 64;

/// What fills the last block; it counts as one plain character each.
const FILLER: u8 = b' ';

/// What was seen in a text.
#[derive(Default)]
pub(crate) struct Survey {
    pub(crate) characters: usize,
    /// Characters that UTF-16 writes as two surrogates.
    pub(crate) pairs: usize,
    pub(crate) ascii: usize,
    /// ASCII characters of the extension table.
    pub(crate) escapes: usize,
    /// Is there an ASCII character that is in neither alphabet?
    pub(crate) has_foreign_ascii: bool,
}

impl Survey {
    pub(crate) fn of(text: &str) -> Self {
        let mut survey = Self::default();
        let (blocks, rest) = text.as_bytes().as_chunks::<BLOCK>();
        for block in blocks {
            survey.count(block);
        }
        if !rest.is_empty() {
            let mut last = [FILLER; BLOCK];
            last[..rest.len()].copy_from_slice(rest);
            survey.count(&last);
            survey.characters -= BLOCK - rest.len();
            survey.ascii -= BLOCK - rest.len();
        }
        survey
    }

    #[inline]
    fn count(&mut self, block: &[u8; BLOCK]) {
        // Numbers, not truth values: with `matches!` a third of the speed was lost.
        let is = u8::from;
        let (mut characters, mut pairs, mut ascii, mut escapes, mut foreign) = (0_u8, 0_u8, 0_u8, 0_u8, 0_u8);
        for &byte in block {
            characters += is(byte < 0x80) | is(byte >= 0xc0);
            pairs += is(byte >= 0xf0);
            ascii += is(byte < 0x80);
            // The form feed, and two runs of four: [ \ ] ^ and { | } ~.
            escapes += is(byte == 0x0c) | is(byte.wrapping_sub(b'[') < 4) | is(byte.wrapping_sub(b'{') < 4);
            // Control characters but three, the grave accent and the delete character.
            foreign |= is(byte < b' ') & is(byte != b'\n') & is(byte != 0x0c) & is(byte != b'\r');
            foreign |= is(byte == b'`') | is(byte == 0x7f);
        }
        self.characters += usize::from(characters);
        self.pairs += usize::from(pairs);
        self.ascii += usize::from(ascii);
        self.escapes += usize::from(escapes);
        self.has_foreign_ascii |= foreign != 0;
    }
}
