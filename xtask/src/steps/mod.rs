//! The steps, in the order they run: cheap checks first, so that nobody waits for a compiler to
//! hear about a comma.

mod core_crate;
mod data;
mod examples;
mod licences;
mod lints;
mod package;
mod page;
mod parity;
mod paths;
mod peers;
mod readme;
mod shown;
mod stories;
mod suites;
mod tools;
mod transcript;
mod wasm;
mod web;
mod words;

use crate::report::Step;

/// Everything `cargo xtask test` runs.
pub const STEPS: &[Step] = &[
    Step {
        name: "tools",
        about: "installs what the other steps need and is missing",
        run: tools::step,
    },
    Step {
        name: "fmt",
        about: "the format of every source file",
        run: lints::fmt,
    },
    Step {
        name: "words",
        about: "words and paths that do not belong in what we publish",
        run: words::step,
    },
    Step {
        name: "licences",
        about: "licences and sources of all dependencies (deny.toml)",
        run: licences::step,
    },
    Step {
        name: "clippy",
        about: "lints, every warning an error",
        run: lints::clippy,
    },
    Step {
        name: "doc",
        about: "documentation, every warning an error",
        run: lints::doc,
    },
    Step {
        name: "data",
        about: "the real data some tests load",
        run: data::step,
    },
    Step {
        name: "tests",
        about: "every test, in the documentation too",
        run: suites::step,
    },
    Step {
        name: "examples",
        about: "the core's and the store's examples, each run to its end",
        run: examples::step,
    },
    Step {
        name: "core",
        about: "the core for bare metal and wasm, and what it may be made of",
        run: core_crate::step,
    },
    Step {
        name: "wasm",
        about: "the modules that a browser loads, and their sizes",
        run: wasm::step,
    },
    Step {
        name: "parity",
        about: "simulated runs natively and in wasm under Node: the same states",
        run: parity::step,
    },
    Step {
        name: "package",
        about: "the package for JavaScript: its types, and its tests under Node",
        run: package::node,
    },
    Step {
        name: "browser",
        about: "the same package in Chromium and Firefox, over IndexedDB",
        run: package::browser,
    },
    Step {
        name: "web",
        about: "the page and all it stands on, built into web-demo/dist",
        run: web::step,
    },
    Step {
        name: "page",
        about: "the page, built, in Chromium: every button and story of both modes; some in Firefox",
        run: web::test,
    },
    Step {
        name: "peers",
        about: "kraft beside other Rafts: that all apply the same, not how fast",
        run: peers::step,
    },
    Step {
        name: "readme",
        about: "what our documents show: commands, excerpts, sessions, links",
        run: readme::step,
    },
];
