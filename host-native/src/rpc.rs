//! Not written yet: rpc.
