//! Why nothing, or not everything, was sent or read. Each message completes "the URL …" and may be shown to the client:
//! none tells what a name resolved to, and of a forbidden address none tells whether anything listens there, because
//! nobody has asked it.

/// What is wrong with how a URL is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Longer than [`MAX_URL_CHARACTERS`](crate::MAX_URL_CHARACTERS).
    #[error("has more than {} characters", crate::MAX_URL_CHARACTERS)]
    TooLong,
    /// It holds a control character or a backslash, which readers of URLs understand differently.
    #[error("must not contain control characters or backslashes")]
    Characters,
    /// It does not begin with `http://` or `https://`.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// It holds a user or a password.
    #[error("must not contain a user or a password")]
    Credentials,
    /// Its host is no name in DNS and no IP address.
    #[error("must name a host")]
    Host,
    /// Its host is an IPv4 address in another spelling than four decimal numbers.
    #[error("must spell an IPv4 address as four decimal numbers")]
    Spelling,
    /// Its host is a name that stands for this machine, or for the metadata of its cloud.
    #[error("is not a public address")]
    Local,
    /// Its port is 0 or beyond 65,535.
    #[error("must have a port from 1 to 65535")]
    Port,
    /// It is no URL for another reason.
    #[error("is not a URL")]
    Malformed,
}

/// Why a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The URL is badly written. Nothing was sent.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The URL, or one it redirects to, names or resolves to a forbidden address. Nothing was sent there.
    #[error("is not a public address")]
    Forbidden,
    /// The URL, or one it redirects to, names another port than 80 and 443, where only those may be. Nothing was sent there.
    #[error("must have port 80 or 443")]
    ForbiddenPort,
    /// It redirects to a URL that is badly written. Nothing was sent there.
    #[error("redirects to a URL that is refused: it {0}")]
    Redirect(Invalid),
    /// It redirects from https to http. Nothing was sent there.
    #[error("redirects from https to http")]
    Downgrade,
    /// It redirects more than [`MAX_REDIRECTS`](crate::MAX_REDIRECTS) times.
    #[error("redirects more than {} times", crate::MAX_REDIRECTS)]
    TooManyRedirects,
    /// Its host has no address, or DNS did not answer in time.
    #[error("has a host that cannot be resolved")]
    Unresolvable,
    /// No connection came about, in time or at all.
    #[error("could not be connected to")]
    Connect,
    /// The server's certificate is not valid for the host, or the two sides do not agree on TLS.
    #[error("could not be connected to securely")]
    Tls,
    /// The answer, or its next part, did not come in time.
    #[error("did not answer in time")]
    TimedOut,
    /// The answer is larger than allowed.
    #[error("answered with more bytes than allowed")]
    TooLarge,
    /// The answer's status is not a success.
    #[error("answered with status {0}")]
    Status(u16),
    /// The answer is compressed, although it was asked not to be.
    #[error("answered with a compressed body")]
    Encoding,
    /// The answer is no HTTP, has too large a header, or ended too early.
    #[error("answered with something that is not complete and correct HTTP")]
    Broken,
}
