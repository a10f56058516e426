//! A built page, all of it in memory.
//!
//! It is read once, when `kraft` starts: a page that is built anew meanwhile is served whole or not
//! at all, and no request can name a file that was not listed.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use thiserror::Error;

use super::listing::{INDEX, files_below};

/// The page that was there when this was built; empty if none was, or if this is no release.
const EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// Where the sources have the page once it is built.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../web-demo/dist");

/// How many bytes a page may have: the one there is has a hundredth of it.
const BYTES_MAX: u64 = 64 << 20;

/// The files of the page.
#[derive(Clone, Debug)]
pub struct Page {
    files: BTreeMap<String, Bytes>,
    origin: Origin,
}

/// Where a page comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is a part of this program.
    Embedded,
    /// This directory.
    Directory(PathBuf),
}

/// Why there is no page. Nothing is served then.
#[derive(Debug, Error)]
pub enum PageError {
    /// Nobody has built it.
    #[error(
        "the page is not built. In kraft's sources run `cargo xtask wasm`, `cargo xtask package` \
         and `cargo xtask web`, in this order, then this again; or name a built one with --from. \
         Nothing is served"
    )]
    NotBuilt,
    /// The directory that was named holds none.
    #[error("{} has no {INDEX}: name the directory of a built page. Nothing is served", .0.display())]
    NoPage(PathBuf),
    /// It holds more than a page can.
    #[error(
        "{} holds more than {} MiB, which no page does. Nothing is served",
        .0.display(),
        BYTES_MAX >> 20
    )]
    TooLarge(PathBuf),
    /// A part of it cannot be read.
    #[error("cannot read the page in {}: {error}. Nothing is served", .directory.display())]
    Unreadable {
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl Page {
    /// The page in the directory that was named; else the one built in, else that of the sources.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be read.
    pub fn find(named: Option<&Path>) -> Result<Self, PageError> {
        match named {
            Some(directory) => Self::read(directory),
            None if EMBEDDED.is_empty() => Self::of_sources(Path::new(SOURCES)),
            None => Ok(Self::embedded(EMBEDDED)),
        }
    }

    /// Where it comes from.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How many files it has.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether it has no files. No page is.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The name and the content of what is at this path of a URL.
    pub fn at(&self, path: &str) -> Option<(&str, Bytes)> {
        let name = match path.strip_prefix('/')? {
            "" => INDEX,
            name => name,
        };
        let (name, content) = self.files.get_key_value(name)?;
        Some((name, content.clone()))
    }

    fn embedded(files: &'static [(&str, &[u8])]) -> Self {
        let own = |(name, content): &(&str, &'static [u8])| {
            ((*name).to_owned(), Bytes::from_static(content))
        };
        Self {
            files: files.iter().map(own).collect(),
            origin: Origin::Embedded,
        }
    }

    fn of_sources(dist: &Path) -> Result<Self, PageError> {
        match Self::read(dist) {
            Err(PageError::NoPage(_)) => Err(PageError::NotBuilt),
            read => read,
        }
    }

    fn read(directory: &Path) -> Result<Self, PageError> {
        // What a link or `..` means is settled here, for the messages too.
        let directory = &fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
        if !directory.join(INDEX).is_file() {
            return Err(PageError::NoPage(directory.clone()));
        }
        let unreadable = |error| PageError::Unreadable {
            directory: directory.clone(),
            error,
        };
        let mut files = BTreeMap::new();
        let mut left = BYTES_MAX;
        for (name, path) in files_below(directory).map_err(unreadable)? {
            let bytes = fs::metadata(&path).map_err(unreadable)?.len();
            left = left
                .checked_sub(bytes)
                .ok_or_else(|| PageError::TooLarge(directory.clone()))?;
            files.insert(name, fs::read(path).map_err(unreadable)?.into());
        }
        Ok(Self {
            files,
            origin: Origin::Directory(directory.clone()),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("built in"),
            Self::Directory(directory) => directory.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with these files.
    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let made = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = made.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        made
    }

    #[test]
    fn a_page_is_what_lies_in_its_directory_and_nothing_else() {
        let around = directory(&[
            ("secret", "no"),
            ("dist/index.html", "<p>"),
            ("dist/assets/a/b.js", "1"),
            ("dist/.env", "no"),
            ("dist/.git/config", "no"),
        ]);
        let dist = around.path().join("dist");
        std::os::unix::fs::symlink("../secret", dist.join("link")).unwrap();
        std::os::unix::fs::symlink("..", dist.join("up")).unwrap();
        let page = Page::find(Some(&dist)).unwrap();
        let names: Vec<_> = page.files.keys().collect();
        assert_eq!(names, ["assets/a/b.js", "index.html"]);
        assert_eq!(page.at("/").unwrap().0, "index.html");
        assert_eq!(page.at("/assets/a/b.js").unwrap().1, "1");
        for none in ["", "index.html", "//", "/assets", "/assets/", "/../secret"] {
            assert!(page.at(none).is_none(), "{none:?}");
        }
    }

    #[test]
    fn a_page_stays_as_it_was_when_it_was_read() {
        let dist = directory(&[("index.html", "old")]);
        let page = Page::find(Some(dist.path())).unwrap();
        fs::write(dist.path().join("index.html"), "new").unwrap();
        assert_eq!(page.at("/").unwrap().1, "old");
    }

    #[test]
    fn sources_without_a_built_page_name_the_commands_that_build_it() {
        let empty = directory(&[]);
        for place in [empty.path(), &empty.path().join("dist")] {
            let why = Page::of_sources(place).unwrap_err().to_string();
            assert!(why.contains("`cargo xtask web`"), "{why}");
        }
        let named = Page::find(Some(empty.path())).unwrap_err().to_string();
        assert!(named.contains("has no index.html"), "{named}");
    }

    #[test]
    fn a_directory_that_is_no_page_is_not_read_into_memory() {
        let large = directory(&[("index.html", "<p>")]);
        let file = fs::File::create(large.path().join("disk.img")).unwrap();
        file.set_len(BYTES_MAX).unwrap();
        let why = Page::find(Some(large.path())).unwrap_err();
        assert!(matches!(why, PageError::TooLarge(_)), "{why}");

        let many = directory(&[("index.html", "<p>")]);
        for file in 0..super::super::listing::FILES_MAX {
            fs::write(many.path().join(file.to_string()), "").unwrap();
        }
        let why = Page::find(Some(many.path())).unwrap_err().to_string();
        assert!(why.contains("more than 1000 files"), "{why}");
    }

    #[test]
    fn a_page_that_was_built_in_is_found_without_a_directory() {
        const FILES: &[(&str, &[u8])] = &[("assets/a.wasm", b"\0asm"), ("index.html", b"<p>")];
        let page = Page::embedded(FILES);
        assert_eq!(page.at("/").unwrap(), (INDEX, Bytes::from_static(b"<p>")));
        assert_eq!((page.len(), page.origin()), (2, &Origin::Embedded));

        let here = EMBEDDED.iter().any(|(name, _)| *name == INDEX);
        assert_eq!(here, !EMBEDDED.is_empty(), "a page has an {INDEX}");
        println!("{} files are built into this test", EMBEDDED.len());
    }
}
