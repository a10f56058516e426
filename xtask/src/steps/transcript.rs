//! Sessions with the driver that a document shows, replayed: what is shown is what is said.

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::workshop::Workshop;

/// What the driver is sent, and what the document says it answers, in turn.
pub struct Transcript<'a> {
    requests: Vec<&'a str>,
    replies: Vec<&'a str>,
}

impl<'a> Transcript<'a> {
    /// Reads a block: requests are marked with `>`, replies are not.
    pub fn read(lines: &[&'a str]) -> Self {
        let (sent, said): (Vec<&str>, Vec<&str>) =
            lines.iter().partition(|line| line.starts_with("> "));
        Self {
            requests: sent.iter().map(|line| &line[2..]).collect(),
            replies: said,
        }
    }

    /// Replays it; returns how many requests it held.
    pub fn replay(&self, workshop: &Workshop) -> Result<usize> {
        let program = format!("drive{}", std::env::consts::EXE_SUFFIX);
        let mut drive = workshop.command(workshop.programs()?.join(program));
        #[expect(clippy::disallowed_methods, reason = "it ends with its input")]
        let mut drive = drive.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut stdin = drive
            .stdin
            .take()
            .context("the driver has no standard input")?;
        // A transcript is far smaller than a pipe's buffer, so nobody waits for anybody.
        stdin.write_all((self.requests.join("\n") + "\n").as_bytes())?;
        drop(stdin);
        let output = drive.wait_with_output()?;
        ensure!(
            output.status.success(),
            "the driver ended with {}",
            output.status
        );
        self.compare(&String::from_utf8(output.stdout)?)
    }

    fn compare(&self, said: &str) -> Result<usize> {
        let said: Vec<&str> = said.lines().collect();
        for (i, request) in self.requests.iter().enumerate() {
            let (shown, said) = (self.replies.get(i), said.get(i));
            ensure!(
                shown == said,
                "to {request}\nthe document shows {}\nthe driver says    {}",
                shown.unwrap_or(&"nothing"),
                said.unwrap_or(&"nothing")
            );
        }
        ensure!(
            self.replies.len() == self.requests.len(),
            "a reply without a request"
        );
        Ok(self.requests.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_that_differs_is_found() {
        let transcript = Transcript::read(&["> a", "1", "> b", "2"]);
        assert_eq!(transcript.compare("1\n2\n").unwrap(), 2);
        assert!(transcript.compare("1\n3\n").is_err());
        assert!(transcript.compare("1\n").is_err());
        assert!(Transcript::read(&["> a", "1", "2"]).compare("1\n").is_err());
    }
}
