//! How a cluster is told from others: an id that nobody else draws, and the name that TLS checks.

use kraft_proto::cluster::ClusterId;

/// Draws the id of a new cluster.
///
/// # Errors
///
/// When the operating system gives no random numbers.
pub fn random_cluster_id() -> Result<ClusterId, ring::error::Unspecified> {
    let drawn = ring::rand::generate::<[u8; 16]>(&ring::rand::SystemRandom::new())?;
    Ok(ClusterId(u128::from_be_bytes(drawn.expose())))
}

/// The DNS name that every node's certificate of this cluster holds, and TLS checks.
pub fn server_name(cluster: ClusterId) -> String {
    format!("node.{cluster}.kraft")
}
