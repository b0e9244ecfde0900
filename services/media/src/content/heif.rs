//! How large the primary picture of a HEIF file is (ISO/IEC 23008-12).

use super::{
    Refused, Size,
    isobmff::{Atom, Atoms},
    reader::Reader,
};

/// What is said of pictures, as far as it matters.
#[derive(Clone, Copy)]
enum Property {
    Size(Size),
    /// To be turned by so many quarters.
    Turned(u8),
    Other,
}

pub(super) async fn size(reader: &mut Reader<'_>) -> Result<Size, Refused> {
    let meta = Atoms::all(reader).find(reader, b"meta").await?.ok_or(Refused::Broken)?;
    let (mut primary, mut properties) = (None, None);
    let mut children = meta.children(4);
    while let Some(atom) = children.next(reader).await? {
        match &atom.kind {
            b"pitm" => primary = Some(item(reader, atom).await?),
            b"iprp" => properties = Some(atom),
            _ => {}
        }
    }
    let (primary, iprp) = primary.zip(properties).ok_or(Refused::Broken)?;
    let mut known = Vec::new();
    let (mut size, mut on_its_side) = (None, false);
    let mut children = iprp.children(0);
    while let Some(atom) = children.next(reader).await? {
        match &atom.kind {
            b"ipco" => known = describe(reader, atom).await?,
            b"ipma" => {
                let bytes = reader.bytes(atom.body, atom.end - atom.body).await?;
                let of = associated(&bytes, primary).ok_or(Refused::Broken)?;
                for index in of {
                    match known.get(usize::from(index).wrapping_sub(1)) {
                        Some(Property::Size(said)) => size = Some(*said),
                        Some(Property::Turned(quarters)) => on_its_side ^= quarters % 2 == 1,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let (width, height) = size.ok_or(Refused::Broken)?;
    Ok(if on_its_side { (height, width) } else { (width, height) })
}

/// The item that a `pitm` names.
async fn item(reader: &mut Reader<'_>, pitm: Atom) -> Result<u32, Refused> {
    let [version] = pitm.array(reader, 0).await?;
    Ok(match version {
        0 => u16::from_be_bytes(pitm.array(reader, 4).await?).into(),
        _ => u32::from_be_bytes(pitm.array(reader, 4).await?),
    })
}

/// The properties in an `ipco`, in order.
async fn describe(reader: &mut Reader<'_>, ipco: Atom) -> Result<Vec<Property>, Refused> {
    let mut properties = Vec::new();
    let mut children = ipco.children(0);
    while let Some(atom) = children.next(reader).await? {
        properties.push(match &atom.kind {
            b"ispe" => {
                let [w1, w2, w3, w4, height @ ..] = atom.array::<8>(reader, 4).await?;
                let width = u32::from_be_bytes([w1, w2, w3, w4]);
                Property::Size((width, u32::from_be_bytes(height)))
            }
            b"irot" => {
                let [quarters] = atom.array(reader, 0).await?;
                Property::Turned(quarters & 3)
            }
            _ => Property::Other,
        });
    }
    Ok(properties)
}

/// The numbers, from one, of the properties that an `ipma` gives an item. None when it is damaged.
fn associated(ipma: &[u8], wanted: u32) -> Option<Vec<u16>> {
    let ([version, _, _, flags], rest) = ipma.split_first_chunk()?;
    let (count, mut rest) = rest.split_first_chunk()?;
    for _ in 0..u32::from_be_bytes(*count) {
        let item = if *version == 0 {
            let (id, after) = rest.split_first_chunk()?;
            rest = after;
            u16::from_be_bytes(*id).into()
        } else {
            let (id, after) = rest.split_first_chunk()?;
            rest = after;
            u32::from_be_bytes(*id)
        };
        let (properties, after) = rest.split_first()?;
        // The upper bit of each says whether it is essential.
        let width = if flags & 1 == 1 { 2 } else { 1 };
        let (of, after) = after.split_at_checked(usize::from(*properties) * width)?;
        rest = after;
        if item == wanted {
            return Some(match width {
                2 => {
                    of.chunks_exact(2).map(|i| u16::from_be_bytes([i[0], i[1]]) & 0x7fff).collect()
                }
                _ => of.iter().map(|index| u16::from(index & 0x7f)).collect(),
            });
        }
    }
    Some(Vec::new())
}
