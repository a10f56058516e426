use std::fs;
use std::os::unix::fs::PermissionsExt;

use kraft_proto::cluster::ClusterId;
use kraft_proto::ids::NodeId;

use super::*;

const CLUSTER: ClusterId = ClusterId(0x5eed);

#[test]
fn what_was_issued_and_written_loads_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    ClusterCa::create(CLUSTER)
        .unwrap()
        .write(dir.path())
        .unwrap();
    let ca = ClusterCa::load(dir.path()).unwrap();
    assert_eq!(ca.cluster(), CLUSTER);
    let authority = dir.path().join(CA_CERTIFICATE_FILE);
    for (issued, role) in [
        (ca.issue_node(NodeId(3)).unwrap(), Role::Node(NodeId(3))),
        (
            ca.issue_client("load").unwrap(),
            Role::Client("load".parse().unwrap()),
        ),
    ] {
        let (certificate, key) = issued.write(dir.path()).unwrap();
        let loaded = Credentials::load(&certificate, &key, &authority).unwrap();
        let expected = PeerIdentity {
            cluster: CLUSTER,
            role,
        };
        assert_eq!(loaded.identity(), &expected);
    }
}

#[test]
fn files_are_for_their_owner_only_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let ca = ClusterCa::create(CLUSTER).unwrap();
    ca.write(dir.path()).unwrap();
    ca.issue_node(NodeId(1)).unwrap().write(dir.path()).unwrap();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = ca.issue_node(NodeId(1)).unwrap().write(dir.path());
    assert!(matches!(again, Err(CertError::Exists { .. })));
}

#[test]
fn a_wrong_file_is_named_in_the_error() {
    let dir = tempfile::tempdir().unwrap();
    let ca = ClusterCa::create(CLUSTER).unwrap();
    ca.write(dir.path()).unwrap();
    let authority = dir.path().join(CA_CERTIFICATE_FILE);
    let (certificate, key) = ca.issue_node(NodeId(1)).unwrap().write(dir.path()).unwrap();
    let (_, other_key) = ca.issue_node(NodeId(2)).unwrap().write(dir.path()).unwrap();

    let missing = dir.path().join("missing.pem");
    let error = Credentials::load(&missing, &key, &authority).unwrap_err();
    assert!(matches!(error, CertError::Read { .. }));
    assert!(error.to_string().contains("missing.pem"), "{error}");

    let error = Credentials::load(&key, &key, &authority).unwrap_err();
    assert!(matches!(error, CertError::Pem { .. }), "{error}");

    let error = Credentials::load(&certificate, &other_key, &authority).unwrap_err();
    assert!(matches!(error, CertError::KeyMismatch { .. }), "{error}");

    let error = Credentials::load(&authority, &key, &authority).unwrap_err();
    assert!(matches!(error, CertError::Identity { .. }), "{error}");

    let elsewhere = tempfile::tempdir().unwrap();
    ClusterCa::create(CLUSTER)
        .unwrap()
        .write(elsewhere.path())
        .unwrap();
    let foreign = elsewhere.path().join(CA_CERTIFICATE_FILE);
    let error = Credentials::load(&certificate, &key, &foreign).unwrap_err();
    assert!(matches!(error, CertError::Untrusted { .. }), "{error}");
}

#[test]
fn an_authority_refuses_a_key_that_is_not_its_own() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    ClusterCa::create(CLUSTER)
        .unwrap()
        .write(one.path())
        .unwrap();
    ClusterCa::create(CLUSTER)
        .unwrap()
        .write(other.path())
        .unwrap();
    fs::copy(other.path().join(CA_KEY_FILE), one.path().join(CA_KEY_FILE)).unwrap();
    let loaded = ClusterCa::load(one.path());
    assert!(matches!(loaded, Err(CertError::KeyMismatch { .. })));
}

#[test]
fn a_client_name_that_could_be_mistaken_is_not_issued() {
    let ca = ClusterCa::create(CLUSTER).unwrap();
    for name in ["", "a/b", "a b", &"x".repeat(65)] {
        assert!(ca.issue_client(name).is_err(), "{name}");
    }
}
