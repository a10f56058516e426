//! `kraft txn`, and what a transaction came to.

use clap::{ArgAction, Args};
use kraft_client::{Client, ClientError};
use kraft_wire::api::Answer;
use kraft_wire::key_value::Unfit;
use kraft_wire::rows::Effect;
use kraft_wire::txn::{self, Found, Mismatch};
use serde_json::{Map, json};

use super::output::{Failure, Style, exit};
use super::write::{Verdict, WriteArgs};

/// What the help says below the options.
const AFTER_HELP: &str = "\
All that is said with --if and --if-absent is compared first. Where all of it is so, all that is said with --put and
--delete is done, as one entry of the log. Else nothing is changed, and the first key that differs is named.
A word that begins with a dash and is no number cannot be a key or value here.

  kraft txn --if account:1 100 --if-absent lock:1 --put account:1 90 --put account:2 10 --delete order:7";

#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Txn {
    /// KEY must hold VALUE
    #[arg(long = "if", num_args = 2, value_names = ["KEY", "VALUE"], action = ArgAction::Append, allow_negative_numbers = true)]
    holds: Vec<String>,
    /// KEY must not exist
    #[arg(long = "if-absent", value_name = "KEY", action = ArgAction::Append, allow_negative_numbers = true)]
    absent: Vec<String>,
    /// Then store VALUE at KEY
    #[arg(long, num_args = 2, value_names = ["KEY", "VALUE"], action = ArgAction::Append, allow_negative_numbers = true)]
    put: Vec<String>,
    /// Then remove KEY; one that is not there is no error
    #[arg(long, value_name = "KEY", action = ArgAction::Append, allow_negative_numbers = true)]
    delete: Vec<String>,
    #[command(flatten)]
    write: WriteArgs,
}

impl Txn {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        if self.put.is_empty() && self.delete.is_empty() {
            return Err(Failure::usage(
                "nothing to change is named; nothing was written. Give --put KEY VALUE or --delete KEY, or read with \
                 `kraft get`",
            ));
        }
        self.check_named_once()?;
        let txn = self.txn().map_err(ClientError::from)?;
        let compared = txn.compare.iter().map(|compare| compare.key.to_string());
        let keys: Vec<String> = compared.collect();
        let write = |client: &Client| client.txn(txn);
        let judge = |answer: &_| judge(answer, &keys);
        self.write.send_if(style, write, judge).await
    }

    /// The line does not say which of two changes of a key is the later one.
    fn check_named_once(&self) -> Result<(), Failure> {
        let put = self.put.iter().step_by(2);
        let mut keys: Vec<&String> = put.chain(&self.delete).collect();
        keys.sort_unstable();
        let twice = keys.array_windows::<2>().find(|[one, next]| one == next);
        match twice {
            Some([key, _]) => Err(Failure::usage(format_args!(
                "key {key:?} is changed twice; nothing was written. Say once what becomes of it"
            ))),
            None => Ok(()),
        }
    }

    fn txn(&self) -> Result<txn::Txn, Unfit> {
        let (holds, _) = self.holds.as_chunks::<2>();
        let (put, _) = self.put.as_chunks::<2>();
        let txn = txn::Txn::new();
        let txn = (holds.iter()).try_fold(txn, |txn, [key, value]| txn.holds(key, value))?;
        let txn = self.absent.iter().try_fold(txn, txn::Txn::absent)?;
        let txn = (put.iter()).try_fold(txn, |txn, [key, value]| txn.put(key, value))?;
        self.delete.iter().try_fold(txn, txn::Txn::delete)
    }
}

/// What the store said of a transaction that compared these keys; `None`: it did not say.
pub(super) fn judge(answer: &Answer, keys: &[String]) -> Option<Verdict> {
    let done = |done: bool| Map::from_iter([("done".to_owned(), done.into())]);
    match answer.effect()? {
        Effect::Done | Effect::Swapped => Some(Verdict {
            words: "done".into(),
            fields: done(true),
            code: exit::DONE,
        }),
        Effect::Unequal | Effect::Removed { .. } => None,
        Effect::Mismatch(Mismatch { at, found }) => {
            let key = keys.get(usize::from(at))?;
            let mut fields = done(false);
            fields.insert("key".into(), key.as_str().into());
            fields.insert("found".into(), json!(found));
            Some(Verdict {
                words: format!("not done: {}", words(key, found.as_ref())),
                fields,
                code: exit::MISMATCH,
            })
        }
    }
}

fn words(key: &str, found: Option<&Found>) -> String {
    match found {
        None => format!("there is no key {key:?}"),
        Some(found) if found.is_whole() => format!("{key:?} holds {:?}", found.front.to_string()),
        Some(found) => format!(
            "{key:?} holds {} bytes that begin with {:?}",
            found.bytes,
            found.front.to_string()
        ),
    }
}
