//! Reading saved state back: numbers and bytes, each as long as it may be, or an error.

use std::error::Error;
use std::io::{self, Read};

/// So many bytes.
pub(crate) fn read_array<const N: usize>(from: &mut dyn Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A number.
pub(crate) fn read_u64(from: &mut dyn Read) -> io::Result<u64> {
    Ok(u64::from_le_bytes(read_array(from)?))
}

/// A length and as many bytes, at most `limit`.
pub(crate) fn read_bytes(from: &mut dyn Read, limit: usize) -> io::Result<Vec<u8>> {
    let length = usize::try_from(read_u64(from)?).ok();
    let length = length.filter(|length| *length <= limit);
    let mut bytes = vec![0; length.ok_or_else(|| damaged("a length is beyond its limit"))?];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// These bytes were never saved.
pub(crate) fn damaged(why: impl Into<Box<dyn Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
