//! Writes the JavaScript and the declarations for a wasm module: `bindgen MODULE.wasm FOLDER`.
//!
//! A program of its own, so that `cargo xtask` does not wait for what only the wasm step needs.

use std::env;
use std::path::PathBuf;

use anyhow::{Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let args: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [module, folder] = args.as_slice() else {
        bail!("usage: bindgen MODULE.wasm FOLDER");
    };
    // One ES module for pages, Workers and Node: `init()` fetches the wasm beside it, `initSync`
    // takes bytes. Without the default path `init()` would refuse to be called bare.
    Bindgen::new()
        .input_path(module)
        .web(true)?
        .typescript(true)
        .remove_name_section(true)
        .omit_default_module_path(false)
        .generate(folder)
}
