//! `kraft demo`, in a terminal (`terminal`) and as a page that a browser gets (`web`).
#![cfg(target_os = "linux")]

mod terminal;
mod web;

#[path = "../kit/e2e/mod.rs"]
mod e2e;
