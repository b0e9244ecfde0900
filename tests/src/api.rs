//! The public API as its descriptors tell it: what a new RPC or field adds is here without anybody writing it down.

use std::sync::LazyLock;

use postbreeze_proto::{NOT_SERVED_YET, PUBLIC_DESCRIPTORS};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, SerializeOptions};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(PUBLIC_DESCRIPTORS).expect("the descriptors are well-formed")
});

/// An RPC of the public API.
#[derive(Debug, Clone)]
pub struct Rpc {
    /// `PostService/GetPost`
    pub name: String,
    /// Its descriptor.
    pub method: MethodDescriptor,
}

impl Rpc {
    /// The gRPC path.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/postbreeze.v1.{}", self.name)
    }

    /// Whether it is served.
    #[must_use]
    pub fn is_served(&self) -> bool {
        !NOT_SERVED_YET.contains(&self.path().as_str())
    }

    /// A request, from the JSON form of its message.
    ///
    /// # Panics
    /// When the text is no such message.
    #[must_use]
    pub fn request(&self, json: &str) -> DynamicMessage {
        let mut reader = serde_json::Deserializer::from_str(json);
        let message = DynamicMessage::deserialize(self.method.input(), &mut reader);
        message.unwrap_or_else(|error| panic!("{} of {json}: {error}", self.name))
    }

    /// An answer's message.
    ///
    /// # Panics
    /// When the bytes are no such message.
    #[must_use]
    pub fn response(&self, bytes: &[u8]) -> DynamicMessage {
        DynamicMessage::decode(self.method.output(), bytes).expect("an answer can be read")
    }
}

/// Every RPC of the public API.
#[must_use]
pub fn rpcs() -> Vec<Rpc> {
    let services = POOL.services();
    services
        .flat_map(|service| {
            let own: Vec<_> = service.methods().collect();
            own.into_iter().map(move |method| Rpc {
                name: format!("{}/{}", service.name(), method.name()),
                method,
            })
        })
        .collect()
}

/// The RPC of a name: `PostService/GetPost`.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn rpc(name: &str) -> Rpc {
    let found = rpcs().into_iter().find(|rpc| rpc.name == name);
    found.unwrap_or_else(|| panic!("no RPC is named {name}"))
}

/// A message as JSON, for messages of tests.
#[must_use]
pub fn json(message: &DynamicMessage) -> String {
    let mut writer = serde_json::Serializer::new(Vec::new());
    let written = message.serialize_with_options(&mut writer, &SerializeOptions::new());
    written.map(|()| String::from_utf8_lossy(&writer.into_inner()).into_owned()).unwrap_or_default()
}
