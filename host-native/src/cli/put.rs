//! `kraft put`.

use std::io::{self, BufReader, Read};

use clap::Args;
use kraft_client::Client;
use kraft_wire::key_value::VALUE_MAX;

use super::output::{Failure, Style};
use super::write::WriteArgs;

/// How much of a value that is too long is counted, in bytes.
const COUNTED_MAX: u64 = 1024 * 1024 * 1024;

#[derive(Args, Debug)]
pub struct Put {
    /// Keys and values in turn; `-` as the last value reads it from standard input. What else begins with a dash and is no
    /// number goes behind `--`
    #[arg(required = true, num_args = 2.., value_names = ["KEY", "VALUE"], allow_negative_numbers = true)]
    pairs: Vec<String>,
    #[command(flatten)]
    write: WriteArgs,
}

impl Put {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let pairs = read(&self.pairs)?;
        let put = |client: &Client| client.put_many(pairs);
        self.write.send(style, put).await
    }
}

/// Keys and values in turn.
fn read(words: &[String]) -> Result<Vec<(&str, Vec<u8>)>, Failure> {
    let (pairs, rest) = words.as_chunks::<2>();
    if let [key] = rest {
        return Err(Failure::usage(format_args!(
            "key {key:?} has no value; nothing was written. Give keys and values in turn"
        )));
    }
    let mut read = Vec::new();
    for (at, [key, value]) in pairs.iter().enumerate() {
        let bytes = match at + 1 == pairs.len() {
            true => value_of(value)?,
            false => value.as_bytes().to_vec(),
        };
        read.push((key.as_str(), bytes));
    }
    Ok(read)
}

/// The bytes of a value: the word's own, or for `-` what standard input has.
pub(super) fn value_of(word: &str) -> Result<Vec<u8>, Failure> {
    match word {
        "-" => from_stdin(),
        word => Ok(word.as_bytes().to_vec()),
    }
}

/// Reads a value to its end. Of one that is too long the rest is only counted, and only up to a bound: it might not end.
fn from_stdin() -> Result<Vec<u8>, Failure> {
    let unreadable = |error: io::Error| {
        Failure::refused(format_args!(
            "cannot read standard input: {error}; nothing was written"
        ))
    };
    let mut stdin = io::stdin().lock();
    let mut value = Vec::new();
    let kept = (&mut stdin).take(VALUE_MAX as u64 + 1);
    BufReader::new(kept)
        .read_to_end(&mut value)
        .map_err(unreadable)?;
    if value.len() <= VALUE_MAX {
        return Ok(value);
    }
    let rest = io::copy(&mut stdin.take(COUNTED_MAX), &mut io::sink()).map_err(unreadable)?;
    let more = match rest == COUNTED_MAX {
        true => " or more",
        false => "",
    };
    Err(Failure::refused(format_args!(
        "standard input has {} bytes{more}, and a value at most {VALUE_MAX}; nothing was written. Split it into several \
         values",
        value.len() as u64 + rest
    )))
}
