//! `kraft delete`.

use clap::Args;

use super::output::{Failure, Style};
use super::write::WriteArgs;

#[derive(Args, Debug)]
pub struct Delete {
    /// What to remove; a key that is not there is no error
    #[arg(required = true, allow_negative_numbers = true)]
    keys: Vec<String>,
    #[command(flatten)]
    write: WriteArgs,
}

impl Delete {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let keys = self.keys;
        self.write.send(style, |client| client.delete(&keys)).await
    }
}
