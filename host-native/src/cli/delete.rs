//! `kraft delete`.

use clap::Args;

use super::awaiting::Await;
use super::connect::Connect;
use super::options::{Again, WriteOptions};
use super::output::{Failure, Style};
use super::signals;

#[derive(Args, Debug)]
pub struct Delete {
    /// What to remove; a key that is not there is no error
    #[arg(required = true, allow_negative_numbers = true)]
    keys: Vec<String>,
    #[command(flatten)]
    options: WriteOptions,
    #[command(flatten)]
    again: Again,
    #[command(flatten)]
    stay: Await,
    #[command(flatten)]
    connect: Connect,
}

impl Delete {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let client = self.connect.client().await?;
        let write = client
            .delete(&self.keys)
            .options(self.options.options())
            .deadline(self.connect.deadline(self.options.timeout()));
        let stop = signals::asked_to_end()?;
        let answer = self.again.number(write).send_until(stop).await?;
        let voters = self.connect.voters()?;
        self.stay.show(&client, answer, voters, style).await
    }
}
