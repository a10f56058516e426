//! `kraft delete`.

use clap::Args;
use kraft_wire::rows::{Effect, Rest};
use serde_json::{Map, Value};

use super::output::{Failure, Style, exit, tell};
use super::write::{Verdict, WriteArgs};

#[derive(Args, Debug)]
pub struct Delete {
    /// What to remove; a key that is not there is no error
    #[arg(required_unless_present = "prefix", allow_negative_numbers = true)]
    keys: Vec<String>,
    /// Remove what begins with this, and say how many keys that were; in entries of up to 10000 keys
    #[arg(long, conflicts_with = "keys", allow_negative_numbers = true)]
    prefix: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

impl Delete {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let keys = self.keys;
        match self.prefix {
            Some(prefix) => delete_prefix(style, &prefix, &self.write).await,
            None => self.write.send(style, |client| client.delete(&keys)).await,
        }
    }
}

/// Entry after entry, until no key is left that begins so. Only the first may have been sent before.
async fn delete_prefix(style: Style, prefix: &str, write: &WriteArgs) -> Result<u8, Failure> {
    let client = write.client().await?;
    let mut next = write.numbered(client.delete_prefix(prefix));
    let mut removed = 0;
    loop {
        let answer = write.deliver(next).await.inspect_err(|_| {
            if removed > 0 {
                tell(format_args!("kraft: {removed} keys were removed before"));
            }
        })?;
        let rest = match answer.effect() {
            Some(Effect::Removed { keys, rest }) => {
                removed += u64::from(keys);
                rest
            }
            // It has no answer of the store's: how many there were is not known.
            _ => return write.finish(style, &client, &answer, None).await,
        };
        if rest == Rest::Nothing {
            let verdict = Verdict {
                words: format!("{removed} keys removed"),
                fields: Map::from_iter([("removed".to_owned(), Value::from(removed))]),
                code: exit::DONE,
            };
            return write.finish(style, &client, &answer, Some(verdict)).await;
        }
        next = client.delete_prefix(prefix);
    }
}
