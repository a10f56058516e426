//! The files of a built page, by the names that a browser asks for.
//!
//! The build script uses this file too, so that a page is the same whether it was built in or is
//! read when `kraft` starts: nothing but the standard library, and nothing of the crate.

use std::fs;
use std::io::{self, Error, ErrorKind};
use std::path::{Path, PathBuf};

/// The file that makes a directory a page.
pub const INDEX: &str = "index.html";

/// More files than any page has: whoever named such a directory meant another.
pub const FILES_MAX: usize = 1000;

/// A file and its name, `/` between folders whatever the system says.
pub type Named = (String, PathBuf);

/// Every file below `root`, by name. Hidden ones are left out, and so is what a link leads to: it
/// may lie anywhere.
///
/// # Errors
///
/// When something cannot be read, is not named in Unicode, or there are more than [`FILES_MAX`].
pub fn files_below(root: &Path) -> io::Result<Vec<Named>> {
    let mut files = Vec::new();
    let mut folders = vec![(String::new(), root.to_owned())];
    while let Some((above, folder)) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let unnamed = |_| Error::new(ErrorKind::InvalidData, "a file name is not Unicode");
            let name = entry.file_name().into_string().map_err(unnamed)?;
            if name.starts_with('.') {
                continue;
            }
            let (kind, path) = (entry.file_type()?, entry.path());
            if kind.is_dir() {
                folders.push((format!("{above}{name}/"), path));
            } else if kind.is_file() {
                files.push((format!("{above}{name}"), path));
            }
            if files.len() + folders.len() > FILES_MAX {
                let why = format!("it holds more than {FILES_MAX} files, which no page does");
                return Err(Error::new(ErrorKind::InvalidData, why));
            }
        }
    }
    files.sort();
    Ok(files)
}
