//! `kraft cas`.

use clap::Args;
use kraft_client::Client;

use super::output::{Failure, Style};
use super::put::value_of;
use super::txn::judge;
use super::write::WriteArgs;

#[derive(Args, Debug)]
pub struct Cas {
    /// Which key
    #[arg(allow_negative_numbers = true)]
    key: String,
    /// What it must hold, then what it shall hold; with --absent only the latter. `-` as the last reads it from standard
    /// input
    #[arg(required = true, num_args = 1..=2, value_names = ["OLD", "NEW"], allow_negative_numbers = true)]
    values: Vec<String>,
    /// The key must not exist
    #[arg(long)]
    absent: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl Cas {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let (old, new) = match (self.absent, self.values.as_slice()) {
            (true, [new]) => (None, new),
            (false, [old, new]) => (Some(old.as_bytes().to_vec()), new),
            (true, _) => {
                return Err(Failure::usage(
                    "with --absent there is no old value to compare; nothing was written. Give `KEY --absent NEW`",
                ));
            }
            (false, _) => {
                return Err(Failure::usage(
                    "a key, its old and its new value are needed; nothing was written. Give `KEY OLD NEW`, or `KEY --absent \
                     NEW` for a key that must not exist",
                ));
            }
        };
        let new = value_of(new)?;
        let cas = |client: &Client| client.cas(&self.key, old, Some(new));
        let keys = [self.key.clone()];
        let judge = |answer: &_| judge(answer, &keys);
        self.write.send_if(style, cas, judge).await
    }
}
