//! Scripting bare nodes over JSON lines: one request line in, one reply line out.
//!
//! The contract is `tests/DRIVER.md`. Here is only what stands between it and the core:
//!
//! ```text
//! line ─► driver ─► node ─► kraft_proto::Raft
//!                    │  ├── clients    ids, and what they have heard
//!                    │  ├── payloads   what entries hold, by position
//!                    │  ├── pending    writes, by number
//!                    │  └── snapshots  what stands for a log that is gone
//!  canonical, handmade, frame, disk, hex: the forms of messages and writes
//! ```

pub mod canonical;
pub mod clients;
pub mod disk;
pub mod driver;
pub mod fields;
pub mod frame;
pub mod handmade;
pub mod hex;
pub mod line;
pub mod node;
pub mod options;
pub mod payloads;
pub mod pending;
pub mod snapshots;

use std::io::{self, BufRead, Read, Write};

use driver::Driver;
use fields::Refusal;
use line::Reply;

/// Bytes of a request at most.
pub const LINE_MAX: usize = 16 << 20;

/// Answers requests until there are no more.
pub fn run(mut requests: impl BufRead, mut replies: impl Write) -> io::Result<()> {
    let mut driver = Driver::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut bounded = (&mut requests).take(LINE_MAX as u64 + 1);
        if bounded.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let reply = if line.len() > LINE_MAX {
            if line.last() != Some(&b'\n') {
                skip_line(&mut requests)?;
            }
            Reply::refused(
                Refusal(format!("the request is longer than {LINE_MAX} bytes")),
                Vec::new(),
            )
        } else {
            driver.answer(&line)
        };
        replies.write_all(reply.to_json().as_bytes())?;
        replies.write_all(b"\n")?;
        replies.flush()?;
    }
}

/// Reads on to the end of the line, keeping nothing of it.
fn skip_line(requests: &mut impl BufRead) -> io::Result<()> {
    loop {
        let bytes = requests.fill_buf()?;
        if bytes.is_empty() {
            return Ok(());
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let read = end.map_or(bytes.len(), |end| end + 1);
        requests.consume(read);
        if end.is_some() {
            return Ok(());
        }
    }
}
