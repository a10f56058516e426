//! The first words of a peer.

use host_native::transport::Hello;

use super::Depth;

/// Takes an opening.
pub fn body(bytes: &[u8]) -> Depth {
    let Ok(hello) = Hello::read(bytes) else {
        return Depth::Refused;
    };
    let written = hello.write(7).expect("it was read");
    assert_eq!(Hello::read(&written), Ok(hello), "it does not read back");
    let differences = hello.settings.differences(hello.settings);
    assert_eq!(differences.count(), 0);
    Depth::Taken
}
