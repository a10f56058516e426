//! `kraft delete`.

use clap::Args;

use super::awaiting::Await;
use super::connect::Connect;
use super::options::{Again, WriteOptions};
use super::output::{Failure, Style};

#[derive(Args, Debug)]
pub struct Delete {
    /// What to remove; a key that is not there is no error
    #[arg(required = true)]
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
        let write = client.delete(&self.keys).options(self.options.options());
        let answer = self.again.number(write).send().await?;
        self.stay.show(&client, answer, style).await
    }
}
