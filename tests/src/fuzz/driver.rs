//! The driver: whatever the lines hold, each gets one reply.

use serde_json::Value;

use crate::drive;

use super::Depth;

/// Takes lines.
pub fn body(bytes: &[u8]) -> Depth {
    let mut replies = Vec::new();
    drive::run(bytes, &mut replies).expect("memory does not fail");
    let last = bytes.last().is_some_and(|byte| *byte != b'\n');
    let asked = bytes.iter().filter(|byte| **byte == b'\n').count() + usize::from(last);
    let replies = String::from_utf8(replies).expect("replies are text");
    assert_eq!(replies.lines().count(), asked, "one reply to each line");
    let mut depth = Depth::Refused;
    for reply in replies.lines() {
        let reply: Value = serde_json::from_str(reply).expect("a reply is JSON");
        let ok = reply["ok"].as_bool().expect("a reply says whether");
        assert_ne!(ok, reply["err"].is_string(), "{reply}");
        if ok {
            depth = Depth::Taken;
        }
    }
    depth
}
