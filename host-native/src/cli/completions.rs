//! `kraft completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::output::{Failure, exit};

#[derive(Args, Debug)]
pub struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<u8, Failure> {
        let mut command = super::Cli::command();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "kraft", &mut script);
        // A reader that went away has had enough of it.
        let _ = std::io::Write::write_all(&mut std::io::stdout(), &script);
        Ok(exit::DONE)
    }
}
