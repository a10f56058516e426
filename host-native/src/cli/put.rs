//! `kraft put`.

use std::io::Read;

use clap::Args;

use super::awaiting::Await;
use super::connect::Connect;
use super::options::{Again, WriteOptions};
use super::output::{Failure, Style};

#[derive(Args, Debug)]
pub struct Put {
    /// Keys and values in turn; `-` as the last value reads it from standard input
    #[arg(required = true, num_args = 2.., value_names = ["KEY", "VALUE"])]
    pairs: Vec<String>,
    #[command(flatten)]
    options: WriteOptions,
    #[command(flatten)]
    again: Again,
    #[command(flatten)]
    stay: Await,
    #[command(flatten)]
    connect: Connect,
}

impl Put {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let pairs = self.pairs()?;
        let client = self.connect.client().await?;
        let write = client.put_many(pairs).options(self.options.options());
        let answer = self.again.number(write).send().await?;
        self.stay.show(&client, answer, style).await
    }

    fn pairs(&self) -> Result<Vec<(&str, Vec<u8>)>, Failure> {
        let (pairs, rest) = self.pairs.as_chunks::<2>();
        if let [key] = rest {
            return Err(Failure::usage(format_args!(
                "key {key:?} has no value; nothing was written. Give keys and values in turn"
            )));
        }
        let mut read = Vec::new();
        for (at, [key, value]) in pairs.iter().enumerate() {
            let bytes = match value.as_str() {
                "-" if at + 1 == pairs.len() => from_stdin()?,
                value => value.as_bytes().to_vec(),
            };
            read.push((key.as_str(), bytes));
        }
        Ok(read)
    }
}

/// One byte more than a value may have is enough to see that it is too long.
fn from_stdin() -> Result<Vec<u8>, Failure> {
    let mut value = Vec::new();
    let limit = crate::pair::VALUE_MAX as u64 + 1;
    std::io::stdin()
        .take(limit)
        .read_to_end(&mut value)
        .map_err(|error| {
            Failure::refused(format_args!(
                "cannot read standard input: {error}; nothing was written"
            ))
        })?;
    Ok(value)
}
