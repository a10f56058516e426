//! `kraft demo`.

use clap::Args;

use super::output::{Failure, Style};

#[derive(Args, Debug, Default)]
pub struct Demo {}

impl Demo {
    pub fn run(self, _: Style) -> Result<u8, Failure> {
        Err(Failure::refused("the demo is not part of this build yet"))
    }
}
