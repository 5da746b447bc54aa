//! Feature `web-config`: TLS by rustls, with ring, for one connection at a time.
//!
//! The provider is always named. The one that a process has by default panics where two crates
//! want different ones.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig,
    SignatureScheme, SupportedCipherSuite, version,
};

use crate::error::Error;

/// Whether clients must have certificates, in the words of Go's `tls.ClientAuthType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientAuth {
    NoClientCert,
    RequestClientCert,
    RequireAnyClientCert,
    VerifyClientCertIfGiven,
    RequireAndVerifyClientCert,
}

impl ClientAuth {
    pub(super) fn parse(name: &str) -> Result<Self, Error> {
        Ok(match name {
            "NoClientCert" => Self::NoClientCert,
            "RequestClientCert" => Self::RequestClientCert,
            // The second name is an older one.
            "RequireAnyClientCert" | "RequireClientCert" => Self::RequireAnyClientCert,
            "VerifyClientCertIfGiven" => Self::VerifyClientCertIfGiven,
            "RequireAndVerifyClientCert" => Self::RequireAndVerifyClientCert,
            _ => {
                let message = format!("`tls_server_config.client_auth_type`: no type `{name}`");
                return Err(Error::invalid(message));
            }
        })
    }

    fn verifies(self) -> bool {
        matches!(self, Self::VerifyClientCertIfGiven | Self::RequireAndVerifyClientCert)
    }

    fn requires(self) -> bool {
        matches!(self, Self::RequireAnyClientCert | Self::RequireAndVerifyClientCert)
    }
}

/// TLS as it is configured.
#[derive(Debug)]
pub(super) struct Tls {
    pub(super) config: Arc<ServerConfig>,
}

impl Tls {
    #[expect(clippy::too_many_arguments, reason = "the settings of one file")]
    pub(super) fn new(
        certificate: &[u8],
        key: &[u8],
        client_ca: Option<&[u8]>,
        client_auth: ClientAuth,
        allowed_sans: Vec<String>,
        [min_version, max_version]: [&str; 2],
        cipher_suites: &[String],
        curves: &[String],
        server_order: bool,
    ) -> Result<Self, Error> {
        let chain = certificates(certificate, "cert")?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|e| Error::invalid(format!("`tls_server_config.key`: {e}")))?;
        let provider = CryptoProvider {
            cipher_suites: suites(cipher_suites)?,
            kx_groups: groups(curves)?,
            ..ring::default_provider()
        };
        let provider = Arc::new(provider);
        let verifier = verifier(&provider, client_ca, client_auth, allowed_sans)?;
        let versions = versions(min_version, max_version)?;
        let failed = |e: rustls::Error| Error::invalid(format!("`tls_server_config`: {e}"));
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(failed)?;
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(failed)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.ignore_client_order = server_order;
        // A resumed session would be by the rules of an earlier file.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config) })
    }
}

fn certificates(pem: &[u8], name: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let place = format!("tls_server_config.{name}");
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|e| Error::invalid(format!("`{place}`: {e}")))?;
    if all.is_empty() {
        Err(Error::invalid(format!("`{place}` has no certificate")))
    } else {
        Ok(all)
    }
}

fn versions(min: &str, max: &str) -> Result<Vec<&'static rustls::SupportedProtocolVersion>, Error> {
    const KNOWN: [(&str, &rustls::SupportedProtocolVersion); 2] =
        [("TLS12", &version::TLS12), ("TLS13", &version::TLS13)];
    let place = |name: &str, version: &str| {
        KNOWN.iter().position(|(known, _)| *known == version).ok_or_else(|| {
            let why = match version {
                "TLS10" | "TLS11" => "is not supported",
                _ => "is no version",
            };
            Error::invalid(format!("`tls_server_config.{name}`: {version} {why}"))
        })
    };
    let (from, to) = (place("min_version", min)?, place("max_version", max)?);
    let between = KNOWN.get(from..=to).unwrap_or_default();
    if between.is_empty() {
        return Err(Error::invalid("`tls_server_config`: no version is allowed"));
    }
    Ok(between.iter().map(|(_, version)| *version).collect())
}

/// Go's names of suites. They choose among those of TLS 1.2, and leave those of TLS 1.3 alone.
fn suites(names: &[String]) -> Result<Vec<SupportedCipherSuite>, Error> {
    use ring::cipher_suite as known;
    let all = ring::ALL_CIPHER_SUITES;
    if names.is_empty() {
        return Ok(all.to_vec());
    }
    let mut chosen: Vec<SupportedCipherSuite> =
        all.iter().filter(|suite| suite.tls13().is_some()).copied().collect();
    for name in names {
        let suite = match name.as_str() {
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" => {
                known::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            }
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" => {
                known::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
            }
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
            | "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305" => {
                known::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
            }
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" => known::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" => known::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
            | "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305" => {
                known::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
            }
            "TLS_AES_128_GCM_SHA256"
            | "TLS_AES_256_GCM_SHA384"
            | "TLS_CHACHA20_POLY1305_SHA256" => {
                continue;
            }
            _ => {
                let place = "tls_server_config.cipher_suites";
                return Err(Error::invalid(format!("`{place}`: {name} is not supported")));
            }
        };
        chosen.push(suite);
    }
    Ok(chosen)
}

fn groups(names: &[String]) -> Result<Vec<&'static dyn SupportedKxGroup>, Error> {
    if names.is_empty() {
        return Ok(ring::ALL_KX_GROUPS.to_vec());
    }
    names
        .iter()
        .map(|name| match name.as_str() {
            "X25519" => Ok(ring::kx_group::X25519),
            "CurveP256" => Ok(ring::kx_group::SECP256R1),
            "CurveP384" => Ok(ring::kx_group::SECP384R1),
            _ => {
                let place = "tls_server_config.curve_preferences";
                Err(Error::invalid(format!("`{place}`: {name} is not supported")))
            }
        })
        .collect()
}

fn verifier(
    provider: &Arc<CryptoProvider>,
    client_ca: Option<&[u8]>,
    client_auth: ClientAuth,
    allowed_sans: Vec<String>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, Error> {
    let refused = |message: &str| Err(Error::invalid(format!("`tls_server_config`: {message}")));
    if !allowed_sans.is_empty() && !client_auth.requires() {
        return refused("`client_allowed_sans` needs a `client_auth_type` that requires one");
    }
    if let Some(mail) = allowed_sans.iter().find(|name| name.contains('@') && !name.contains(':')) {
        let message = format!("`client_allowed_sans`: {mail}: mail addresses are not supported");
        return refused(&message);
    }
    let inner: Arc<dyn ClientCertVerifier> = match (client_auth, client_ca) {
        (ClientAuth::NoClientCert, None) => return Ok(None),
        (ClientAuth::NoClientCert, Some(_)) => {
            return refused("`client_ca` needs a `client_auth_type`");
        }
        (verifies, Some(pem)) if verifies.verifies() => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(pem, "client_ca")? {
                roots
                    .add(certificate)
                    .map_err(|e| Error::invalid(format!("`tls_server_config.client_ca`: {e}")))?;
            }
            let builder =
                WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
            let builder =
                if client_auth.requires() { builder } else { builder.allow_unauthenticated() };
            builder
                .build()
                .map_err(|e| Error::invalid(format!("`tls_server_config.client_ca`: {e}")))?
        }
        (verifies, None) if verifies.verifies() => {
            return refused("this `client_auth_type` needs a `client_ca`");
        }
        (any, pem) => {
            // It is not used, but it must not be nonsense.
            pem.map(|pem| certificates(pem, "client_ca")).transpose()?;
            Arc::new(Any { provider: Arc::clone(provider), is_required: any.requires() })
        }
    };
    if allowed_sans.is_empty() {
        return Ok(Some(inner));
    }
    Ok(Some(Arc::new(Named { inner, allowed: allowed_sans })))
}

/// Takes any certificate whose key the client has.
#[derive(Debug)]
struct Any {
    provider: Arc<CryptoProvider>,
    is_required: bool,
}

impl ClientCertVerifier for Any {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Takes what another one takes, if it has one of these names.
#[derive(Debug)]
struct Named {
    inner: Arc<dyn ClientCertVerifier>,
    allowed: Vec<String>,
}

impl Named {
    fn allows(&self, certificate: &CertificateDer<'_>) -> bool {
        let Ok(certificate) = webpki::EndEntityCert::try_from(certificate) else { return false };
        self.allowed.iter().any(|allowed| {
            let is_address = allowed.parse::<IpAddr>().is_ok_and(|address| {
                let name = ServerName::IpAddress(address.into());
                certificate.verify_is_valid_for_subject_name(&name).is_ok()
            });
            // Exactly: a wildcard in a certificate is no permission to be everybody.
            is_address
                || certificate.valid_dns_names().any(|name| name == allowed)
                || certificate.valid_uri_names().any(|name| name == allowed)
        })
    }
}

impl ClientCertVerifier for Named {
    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.inner.verify_client_cert(certificate, intermediates, now)?;
        if self.allows(certificate) {
            Ok(verified)
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
