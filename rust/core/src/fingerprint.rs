//! The fingerprint of a request: equal when the same thing is asked for again, whatever the white space and order of keys.

use sha2::{Digest, Sha256};

use crate::canonical::Canonical;
use crate::error::Error;

/// Begins every fingerprint, so that it equals no other hash and another version of these rules can be told apart.
const DOMAIN: &[u8] = b"penstock request fingerprint 1\n";

/// SHA-256 of the domain and then, each behind its length in eight bytes, most significant first: the method in upper case,
/// the path, the content type in lower case without its parameters, and the body.
///
/// A body of `application/json` or `…+json` goes in by its canonical form, any other as it is. `path` is whatever the caller
/// tells routes apart by.
///
/// # Errors
/// [`Error::Format`] when the content type says JSON and the body has no canonical form.
pub fn fingerprint(method: &str, path: &str, content_type: &str, body: &[u8]) -> Result<[u8; 32], Error> {
    let essence = content_type.split(';').next().unwrap_or_default().trim_ascii();
    let mut head = Vec::with_capacity(DOMAIN.len() + method.len() + path.len() + essence.len() + 4 * 8);
    head.extend_from_slice(DOMAIN);
    push_part(method, &mut head).make_ascii_uppercase();
    push_part(path, &mut head);
    let essence = push_part(essence, &mut head);
    essence.make_ascii_lowercase();
    let canonical = if is_json(essence) { Some(Canonical::read(body)?) } else { None };
    let body_len = canonical.as_ref().map_or(body.len(), Canonical::len);
    head.extend_from_slice(&length(body_len));
    let mut hash = Sha256::new_with_prefix(&head);
    match canonical {
        Some(canonical) => canonical.write(&mut |part| hash.update(part)),
        None => hash.update(body),
    }
    Ok(hash.finalize().into())
}

fn push_part<'a>(part: &str, head: &'a mut Vec<u8>) -> &'a mut [u8] {
    head.extend_from_slice(&length(part.len()));
    let start = head.len();
    head.extend_from_slice(part.as_bytes());
    &mut head[start..]
}

fn length(bytes: usize) -> [u8; 8] {
    (bytes as u64).to_be_bytes()
}

fn is_json(essence: &[u8]) -> bool {
    essence == b"application/json" || essence.ends_with(b"+json")
}
