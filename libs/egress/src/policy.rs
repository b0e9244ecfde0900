//! Which addresses may be connected to: public ones, and networks that the operator names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use postbreeze_runtime::config::{ConfigError, Lookup};

const VARIABLE: &str = "POSTBREEZE_EGRESS_ALLOW";

/// Special-purpose IPv4 networks.
const FORBIDDEN_V4: [Ipv4Net; 15] = [
    v4([0, 0, 0, 0], 8),       // this network
    v4([10, 0, 0, 0], 8),      // private
    v4([100, 64, 0, 0], 10),   // carriers' own
    v4([127, 0, 0, 0], 8),     // loopback
    v4([169, 254, 0, 0], 16),  // link-local, clouds' metadata
    v4([172, 16, 0, 0], 12),   // private
    v4([192, 0, 0, 0], 24),    // protocol assignments
    v4([192, 0, 2, 0], 24),    // documentation
    v4([192, 88, 99, 0], 24),  // 6to4 relays
    v4([192, 168, 0, 0], 16),  // private
    v4([198, 18, 0, 0], 15),   // benchmarks
    v4([198, 51, 100, 0], 24), // documentation
    v4([203, 0, 113, 0], 24),  // documentation
    v4([224, 0, 0, 0], 4),     // multicast
    v4([240, 0, 0, 0], 4),     // reserved, broadcast
];

/// IPv6 outside of it is never public: that covers loopback, IPv4-mapped and IPv4-compatible addresses, NAT64, unique
/// local, link-local, site-local, multicast, discard-only and segment routing.
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Special-purpose networks within [`GLOBAL_UNICAST`].
const FORBIDDEN_V6: [Ipv6Net; 4] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // protocol assignments, Teredo among them
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// Where clouds serve the credentials of a machine. No allowance opens them.
const METADATA: [IpAddr; 8] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)), // AWS, of a container's task
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)), // AWS, of a pod
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), // Alibaba
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)), // Azure, of a public range
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), // AWS
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)), // AWS, of a pod
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)), // Google
];

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::from_octets(octets), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_segments(segments), prefix)
}

/// Which addresses may be connected to. The default allows public ones alone.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    allowed: Vec<IpNet>,
}

impl Policy {
    /// Public addresses and those of these networks. An IPv4 network does not open the IPv6 forms of its addresses.
    #[must_use]
    pub fn allowing(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self { allowed: networks.into_iter().collect() }
    }

    /// The policy of `POSTBREEZE_EGRESS_ALLOW`: networks as `10.1.0.0/16`, separated by commas; none when absent.
    ///
    /// # Errors
    /// When an entry is no network, or an address within one (`10.1.2.3/16`).
    pub fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        let Some(text) = lookup.text(VARIABLE) else { return Ok(Self::default()) };
        let networks: Option<Vec<IpNet>> = text.split(',').map(network).collect();
        networks.map(Self::allowing).ok_or_else(|| {
            ConfigError::new(
                VARIABLE,
                "must be networks as 10.1.0.0/16 or 127.0.0.1/32, separated by commas",
            )
        })
    }

    /// Whether an address may be connected to.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        !METADATA.contains(&address) && (is_public(address) || self.names(address))
    }

    /// Whether the operator names the network of an address.
    pub(crate) fn names(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.contains(&address))
    }

    /// Whether the operator names any network.
    pub(crate) fn names_any(&self) -> bool {
        !self.allowed.is_empty()
    }
}

fn network(text: &str) -> Option<IpNet> {
    let network: IpNet = text.trim().parse().ok()?;
    (network.trunc() == network).then_some(network)
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !FORBIDDEN_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_UNICAST.contains(&address)
                && !FORBIDDEN_V6.iter().any(|network| network.contains(&address))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Every network that must be forbidden, written out apart from the rules above.
    const FORBIDDEN: &[&str] = &[
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "255.255.255.255/32",
        "168.63.129.16/32",
        "::/128",
        "::1/128",
        "::/96",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001::/32",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fd00:ec2::254/128",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    ];

    fn nets() -> Vec<IpNet> {
        FORBIDDEN.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn lookup(value: &str) -> Lookup {
        Lookup::new([(VARIABLE.to_owned(), value.to_owned())])
    }

    /// The address of a network whose host bits are these.
    fn address_in(network: IpNet, bits: u128) -> IpAddr {
        match network {
            IpNet::V4(network) => {
                let host = network.hostmask().to_bits() & u32::try_from(bits >> 96).unwrap();
                Ipv4Addr::from_bits(network.network().to_bits() | host).into()
            }
            IpNet::V6(network) => {
                let host = network.hostmask().to_bits() & bits;
                Ipv6Addr::from_bits(network.network().to_bits() | host).into()
            }
        }
    }

    proptest! {
        #[test]
        fn every_address_of_a_forbidden_network_is_forbidden(
            network in proptest::sample::select(nets()), bits: u128,
        ) {
            let address = address_in(network, bits);
            prop_assert!(network.contains(&address));
            prop_assert!(!Policy::default().allows(address), "{address}");
        }

        #[test]
        fn every_ipv6_form_of_an_ipv4_address_is_forbidden(bits: u32, low: u64, middle: u16) {
            let embedded = u128::from(bits);
            let forms = [
                embedded,                                                  // compatible
                0xffff << 32 | embedded,                                   // mapped
                0xffff << 48 | embedded,                                   // translated
                0x0064_ff9b << 96 | embedded,                              // NAT64
                0x0064_ff9b_0001 << 80 | u128::from(middle) << 32 | embedded,
                0x2002 << 112 | embedded << 80 | u128::from(low),          // 6to4
                0x2001_0000 << 96 | u128::from(low) << 32 | !embedded & 0xffff_ffff, // Teredo
            ];
            for form in forms {
                let address = Ipv6Addr::from_bits(form);
                prop_assert!(!Policy::default().allows(address.into()), "{address}");
            }
        }

        #[test]
        fn an_allowance_opens_its_network_and_nothing_else(
            (first, second) in proptest::sample::select(nets()).prop_flat_map(|network| {
                (Just(network), proptest::sample::select(nets()))
            }),
            bits: u128,
        ) {
            let policy = Policy::allowing([first]);
            let inside = address_in(first, bits);
            prop_assert_eq!(policy.allows(inside), !METADATA.contains(&inside));
            let other = address_in(second, bits);
            prop_assert!(first.contains(&other) || !policy.allows(other), "{first} opens {other}");
        }
    }

    #[test]
    fn the_ends_of_forbidden_networks_are_forbidden_and_their_neighbours_are_not() {
        let all = nets();
        let mut neighbours = BTreeSet::new();
        for network in &all {
            assert!(!Policy::default().allows(network.network()), "{network}");
            assert!(!Policy::default().allows(network.broadcast()), "{network}");
            if let IpNet::V4(network) = network {
                let (first, last) = (network.network().to_bits(), network.broadcast().to_bits());
                neighbours.extend([first.checked_sub(1), last.checked_add(1)]);
            }
        }
        for address in
            neighbours.into_iter().flatten().map(|bits| IpAddr::from(Ipv4Addr::from(bits)))
        {
            let inside = all.iter().any(|network| network.contains(&address));
            assert_eq!(Policy::default().allows(address), !inside, "{address}");
        }
    }

    #[test]
    fn public_addresses_are_allowed() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "223.255.255.255",
            "2001:200::",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
            "3ffe:ffff::",
        ] {
            assert!(Policy::default().allows(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn no_allowance_opens_metadata() {
        let policy = Policy::allowing(["0.0.0.0/0", "::/0"].map(|text| text.parse().unwrap()));
        assert!(policy.allows("10.0.0.1".parse().unwrap()));
        for address in METADATA {
            assert!(!policy.allows(address), "{address}");
        }
    }

    #[test]
    fn an_ipv4_allowance_does_not_open_its_ipv6_forms() {
        let policy = Policy::allowing(["10.1.0.0/16".parse().unwrap()]);
        assert!(policy.allows("10.1.2.3".parse().unwrap()));
        for text in ["::ffff:10.1.2.3", "::10.1.2.3", "64:ff9b::10.1.2.3", "2002:a01:203::1"] {
            assert!(!policy.allows(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_policy_is_read_from_the_environment() {
        let none = Policy::read(&Lookup::default()).unwrap();
        assert!(!none.allows("127.0.0.1".parse().unwrap()));
        let policy = Policy::read(&lookup("10.1.0.0/16, 127.0.0.1/32,fd00:1::/32")).unwrap();
        for (text, allowed) in [
            ("10.1.255.255", true),
            ("10.2.0.0", false),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("fd00:1::1", true),
            ("fd00:2::1", false),
        ] {
            assert_eq!(policy.allows(text.parse().unwrap()), allowed, "{text}");
        }
    }

    #[test]
    fn a_bad_allowance_names_its_variable() {
        for text in ["10.1.0.0", "10.1.2.3/16", "10.0.0.0/33", "localhost", "10.0.0.0/8,,", "*"] {
            assert_eq!(Policy::read(&lookup(text)).unwrap_err().variable, VARIABLE, "{text}");
        }
    }
}
