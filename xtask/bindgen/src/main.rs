//! Writes the JavaScript and the declarations for a wasm module: `bindgen MODULE.wasm FOLDER`.
//!
//! A program of its own, so that `cargo xtask` does not wait for what only the wasm step needs.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let args: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [module, folder] = args.as_slice() else {
        bail!("usage: bindgen MODULE.wasm FOLDER");
    };
    // One ES module for pages, Workers and Node, given the wasm by whoever calls it: an address of its own
    // (`import.meta.url`) is what bundlers cannot agree about.
    Bindgen::new()
        .input_path(module)
        .web(true)?
        .typescript(true)
        .remove_name_section(true)
        .omit_default_module_path(true)
        .generate(folder)?;
    declare_for_everybody(folder)
}

/// Takes out of the declarations what a program would need the library `esnext.disposable` for: nothing of ours is
/// used that way, and whoever checks libraries without it would be stopped.
fn declare_for_everybody(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        if file.to_string_lossy().ends_with(".d.ts") {
            let text = fs::read_to_string(&file)?;
            let kept: Vec<&str> = (text.lines())
                .filter(|line| !line.contains("[Symbol.dispose]"))
                .collect();
            fs::write(&file, kept.join("\n") + "\n")?;
        }
    }
    Ok(())
}
