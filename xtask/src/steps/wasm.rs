//! The crates that a browser loads: built, given their JavaScript, and made smaller.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::tools;
use crate::npm;
use crate::report::Done;
use crate::shell;
use crate::workshop::Workshop;

/// A crate that becomes an ES module.
struct Module {
    /// The package; its module has the same name, with underscores.
    package: &'static str,
    /// Its folder. What is made of it goes to `pkg` there, which git does not keep.
    folder: &'static str,
    /// Cargo's profile for it (`Cargo.toml` says what each is for),
    profile: &'static str,
    /// and how `wasm-opt` goes on.
    optimize: &'static [&'static str],
    /// The wasm may have so many bytes,
    bytes_max: usize,
    /// and so many over a connection that compresses.
    zipped_max: usize,
    text: Text,
}

/// Whether the wasm is also made into a module of JavaScript, gzipped and spelt in letters: what every bundler and
/// page takes along, wherever it goes.
#[derive(PartialEq)]
enum Text {
    None,
    Beside,
}

const MODULES: [Module; 2] = [
    Module {
        package: "host-wasm",
        folder: "host-wasm",
        profile: "wasm",
        optimize: &["-O2"],
        bytes_max: 250_000,
        zipped_max: 100_000,
        text: Text::Beside,
    },
    Module {
        package: "world",
        folder: "web-demo/world",
        profile: "wasm-small",
        optimize: &["-Oz", "--gufa-optimizing", "-Oz", "--converge"],
        bytes_max: 500_000,
        zipped_max: 210_000,
        text: Text::None,
    },
];

const TARGET: &str = "wasm32-unknown-unknown";

/// What Rust's wasm uses, and every browser of the last years has.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Where `wasm-opt` comes from.
const OPTIMIZER: &str = "host-wasm/node_modules/binaryen/bin/wasm-opt";

pub fn step(workshop: &Workshop) -> Result<Done> {
    tools::targets(workshop)?;
    tools::node(workshop)?;
    npm::install(workshop, "host-wasm")?;
    let mut sizes = Vec::new();
    for module in &MODULES {
        let built = module.build(workshop)?;
        let (size, zipped) = module.make(workshop, &built)?;
        sizes.push(format!("{} {size} bytes, {zipped} gzipped", module.package));
    }
    Ok(Done::checked(
        MODULES.len(),
        format!("wasm modules built: {}", sizes.join("; ")),
    ))
}

/// Whether the module of this folder has been made.
pub fn is_made(workshop: &Workshop, folder: &str) -> bool {
    workshop.root.join(folder).join(MADE_FROM).is_file()
}

/// How `pkg` is made, raised with every change of that.
const MAKER: &str = "2 ";

/// What `pkg` was made from: see [`Module::recipe`].
const MADE_FROM: &str = "pkg/.made-from";

impl Module {
    /// Builds the crate; returns the module that came of it.
    fn build(&self, workshop: &Workshop) -> Result<PathBuf> {
        let mut build = workshop.cargo(&["build", "--locked", "--target", TARGET]);
        build.args(["--profile", self.profile, "--package", self.package]);
        shell::run(&mut build)?;
        let built = workshop.metadata()?.target_directory.join(TARGET);
        let file = format!("{}.wasm", self.package.replace('-', "_"));
        Ok(built.join(self.profile).join(file))
    }

    /// Makes the folder `pkg`, unless it was made of the same module in the same way; returns the
    /// wasm's size, as it is and gzipped.
    fn make(&self, workshop: &Workshop, module: &Path) -> Result<(usize, usize)> {
        let name = self.package.replace('-', "_");
        let pkg = workshop.root.join(self.folder).join("pkg");
        let wasm = pkg.join(format!("{name}_bg.wasm"));
        let made_from = workshop.root.join(self.folder).join(MADE_FROM);
        let raw = fs::read(module).with_context(|| format!("{} is gone", module.display()))?;
        let recipe = self.recipe(&raw);
        if fs::read(&made_from).is_ok_and(|from| from == recipe) {
            println!("{}/pkg is made of this module, in this way", self.folder);
        } else {
            self.bind(workshop, module, &pkg)?;
            self.optimize(workshop, &wasm)?;
            if self.text == Text::Beside {
                spell(workshop, &wasm, &pkg.join(format!("{name}_text")))?;
            }
            fs::write(&made_from, &recipe).context("cannot note what it was made from")?;
        }
        let size = fs::metadata(&wasm)?.len() as usize;
        let zipped = zipped(workshop, &wasm)?;
        println!("{}: {size} bytes, {zipped} gzipped", wasm.display());
        let (max, zipped_max) = (self.bytes_max, self.zipped_max);
        ensure!(
            size <= max && zipped <= zipped_max,
            "{} has {size} bytes, {zipped} gzipped: more than {max} and {zipped_max}",
            self.package
        );
        Ok((size, zipped))
    }

    /// All that decides what becomes of `module`: what `wasm-opt` is told, and the bytes themselves.
    fn recipe(&self, module: &[u8]) -> Vec<u8> {
        let words: Vec<&str> = self.optimizer_words().collect();
        [MAKER, &words.join(" "), "\n"]
            .map(str::as_bytes)
            .into_iter()
            .chain([module])
            .collect::<Vec<_>>()
            .concat()
    }

    /// What `wasm-opt` is told.
    fn optimizer_words(&self) -> impl Iterator<Item = &'static str> {
        FEATURES.iter().chain(self.optimize).copied()
    }

    fn bind(&self, workshop: &Workshop, module: &Path, pkg: &Path) -> Result<()> {
        if pkg.is_dir() {
            fs::remove_dir_all(pkg).context("what was made before cannot be removed")?;
        }
        let mut bind = workshop.cargo(&["run", "--quiet", "--locked", "--package", "bindgen"]);
        bind.arg("--").args([module, pkg]);
        shell::run(&mut bind)
    }

    fn optimize(&self, workshop: &Workshop, wasm: &Path) -> Result<()> {
        let larger: PathBuf = wasm.with_extension("larger");
        fs::rename(wasm, &larger)?;
        let mut optimize = npm::node(workshop, OPTIMIZER);
        optimize.args(self.optimizer_words()).arg("-o");
        shell::run(optimize.arg(wasm).arg(&larger))?;
        fs::remove_file(&larger).context("the larger module cannot be removed")
    }
}

/// Writes the module whose default export is this file in base64, gzipped, and its declaration.
fn spell(workshop: &Workshop, file: &Path, to: &Path) -> Result<()> {
    let script = "const fs = require('fs'); const [, from, to] = process.argv;\
                  const zipped = require('zlib').gzipSync(fs.readFileSync(from), { level: 9 });\
                  fs.writeFileSync(to + '.js', `export default '${zipped.toString('base64')}';\\n`);\
                  fs.writeFileSync(to + '.d.ts', 'declare const letters: string;\\nexport default letters;\\n');";
    let mut node = workshop.command("node");
    shell::run(node.args(["-e", script]).args([file, to]))
}

/// How many bytes are loaded over a connection that compresses.
fn zipped(workshop: &Workshop, file: &Path) -> Result<usize> {
    let script = "process.stdout.write(String(require('zlib').gzipSync(require('fs')\
                  .readFileSync(process.argv[1]), { level: 9 }).length))";
    let mut node = workshop.command("node");
    let said = shell::output(node.args(["-e", script]).arg(file))?;
    said.trim()
        .parse()
        .with_context(|| format!("{said:?} is no size"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_of_the_same_module_in_another_way_is_made_again() {
        let [one, other] = &MODULES;
        assert_ne!(one.optimize, other.optimize);
        assert_eq!(one.recipe(b"module"), one.recipe(b"module"));
        assert_ne!(one.recipe(b"module"), other.recipe(b"module"));
        assert_ne!(one.recipe(b"module"), one.recipe(b"another"));
    }
}
