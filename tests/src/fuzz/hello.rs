//! The first words of a peer.

use host_native::transport::Hello;

/// Takes an opening.
pub fn body(bytes: &[u8]) {
    let Ok(hello) = Hello::read(bytes) else {
        return;
    };
    let written = hello.write(7).expect("it was read");
    assert_eq!(Hello::read(&written), Ok(hello), "it does not read back");
    let differences = hello.settings.differences(hello.settings);
    assert_eq!(differences.count(), 0);
}
