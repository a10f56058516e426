//! Whom the peers' listener refused.

use kraft_proto::ids::NodeId;
use kraft_wire::quic::ConnectionRefusal;

/// Who was refused, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The node we dialed, or that the certificate names.
    pub peer: Option<NodeId>,
    /// The address: as dialed, or as it dialed us.
    pub address: String,
    /// Why.
    pub refusal: ConnectionRefusal,
}
