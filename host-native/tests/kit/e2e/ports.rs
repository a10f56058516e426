//! Ports that no other test of this machine takes, while a node that was killed has left them too.

// Each test file is a crate of its own and uses a part of this.
#![allow(dead_code)]

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{TcpListener, UdpSocket};

/// Blocks begin here, below the ports that the operating system hands out by itself.
const FIRST: u16 = 10_000;
const BLOCKS: u16 = 1_280;

/// Ports of a block: its first is held as long as the block is in use.
const BLOCK: u16 = 16;

/// A block of ports. Free for others when it is dropped.
#[derive(Debug)]
pub struct Block {
    first: u16,
    _held: TcpListener,
}

impl Block {
    /// One that nobody uses.
    pub fn take() -> Self {
        loop {
            let block = RandomState::new().build_hasher().finish() % u64::from(BLOCKS);
            let first = FIRST + BLOCK * block as u16;
            let Ok(held) = TcpListener::bind(("127.0.0.1", first)) else {
                continue;
            };
            let free = |port: u16| {
                let here = ("127.0.0.1", port);
                UdpSocket::bind(here).is_ok() && TcpListener::bind(here).is_ok()
            };
            if (first + 1..first + BLOCK).all(free) {
                return Self { first, _held: held };
            }
        }
    }

    /// Its first ports.
    ///
    /// # Panics
    /// If they are more than it has.
    pub fn ports<const N: usize>(&self) -> [u16; N] {
        assert!(
            N < usize::from(BLOCK),
            "a block has {BLOCK} ports, less one"
        );
        std::array::from_fn(|at| self.first + 1 + at as u16)
    }
}
