//! A gate before a Postgres server, at which the commits of transactions are counted.

use std::{io, net::SocketAddr, sync::Arc};

use bytes::{Buf as _, Bytes, BytesMut};
use postbreeze_testkit::Gate;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// The message with which a client asks for TLS.
const TLS: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
/// The message with which a client commits.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
/// How an answer ends when no transaction is open any more.
const READY: &[u8] = b"Z\0\0\0\x05I";

/// Serves a way to a database server that leads through a gate, and says where.
pub(crate) async fn serve(server: SocketAddr, gate: Arc<Gate>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let gate = Arc::clone(&gate);
            // A connection ends where one of its sides is killed.
            tokio::spawn(async move { drop(connect(client, server, &gate).await) });
        }
    });
    address
}

async fn connect(mut client: TcpStream, server: SocketAddr, gate: &Gate) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut asked, mut answered) = (BytesMut::new(), BytesMut::new());
    // The first message has no kind, nor what asks for TLS before it.
    let mut kind = 0;
    loop {
        while let Some(message) = message(&mut asked, kind) {
            kind = usize::from(message != TLS);
            if message == COMMIT {
                let committed = gate.pass("COMMIT", commit(&mut server)).await;
                client.write_all(&committed.map_err(io::Error::other)??).await?;
            } else {
                server.write_all(&message).await?;
            }
        }
        let read = tokio::select! {
            read = client.read_buf(&mut asked) => read?,
            read = server.read_buf(&mut answered) => {
                client.write_all(&answered.split()).await?;
                read?
            }
        };
        if read == 0 {
            return Ok(());
        }
    }
}

/// The first whole message of what was read. It begins with its kind, which is a byte or nothing, and its length.
fn message(read: &mut BytesMut, kind: usize) -> Option<Bytes> {
    let length = usize::try_from(read.get(kind..)?.try_get_u32().ok()?).unwrap();
    (read.len() >= kind + length).then(|| read.split_to(kind + length).freeze())
}

/// Commits, and answers what the server says.
async fn commit(server: &mut TcpStream) -> io::Result<BytesMut> {
    server.write_all(COMMIT).await?;
    let mut answer = BytesMut::new();
    while !answer.ends_with(READY) {
        if server.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(answer)
}
