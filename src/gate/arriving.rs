//! A list or a table that is read while it arrives, batch by batch: nobody has to hold an answer with ten thousand
//! objects.

use std::fmt;
use std::io::{self, Read};

use futures::{AsyncBufRead, AsyncBufReadExt as _};
use http::Request;
use kube::core::ListMeta;
use kube::{Client, Error};
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

/// Objects that are handed on together.
const BATCH: usize = 500;
/// Chunks of an answer, or pieces of it, that may wait.
const WAITING: usize = 2;

/// A column of a table.
#[derive(Debug, Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
}

/// A part of the answer.
pub(super) enum Piece<T> {
    Columns(Vec<Column>),
    Batch(Vec<T>),
}

/// An answer on its way. Whoever drops it does not want the rest.
pub(super) struct Arriving<T> {
    pieces: mpsc::Receiver<Piece<T>>,
    parser: JoinHandle<serde_json::Result<ListMeta>>,
    reader: JoinSet<io::Result<()>>,
}

impl<T: DeserializeOwned + Send + 'static> Arriving<T> {
    /// Asks; an error of the server comes at once.
    pub(super) async fn ask(client: &Client, request: Request<Vec<u8>>) -> kube::Result<Self> {
        let body = client.request_stream(request).await?;
        let (chunks, arriving) = mpsc::channel(WAITING);
        let (batches, pieces) = mpsc::channel(WAITING);
        let mut reader = JoinSet::new();
        reader.spawn(pump(body, chunks));
        let parser =
            spawn_blocking(move || parse(Chunks { arriving, chunk: io::Cursor::default() }, &batches));
        Ok(Self { pieces, parser, reader })
    }

    /// What has arrived; nothing after the end.
    pub(super) async fn next(&mut self) -> Option<Piece<T>> {
        self.pieces.recv().await
    }

    /// What the list says of itself, when all of it has arrived.
    pub(super) async fn end(mut self) -> kube::Result<ListMeta> {
        self.pieces.close();
        let parsed = self.parser.await.map_err(io::Error::other);
        if let Some(Ok(Err(error))) = self.reader.try_join_next() {
            return Err(Error::ReadEvents(error));
        }
        parsed.map_err(Error::ReadEvents)?.map_err(Error::SerdeError)
    }
}

/// Hands the body on, chunk by chunk, until nobody wants more.
async fn pump(body: impl AsyncBufRead, chunks: mpsc::Sender<Vec<u8>>) -> io::Result<()> {
    let mut body = std::pin::pin!(body);
    loop {
        let chunk = body.fill_buf().await?.to_vec();
        let length = chunk.len();
        if length == 0 || chunks.send(chunk).await.is_err() {
            return Ok(());
        }
        body.as_mut().consume(length);
    }
}

/// The chunks as the parser reads them.
struct Chunks {
    arriving: mpsc::Receiver<Vec<u8>>,
    chunk: io::Cursor<Vec<u8>>,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            match self.arriving.blocking_recv() {
                Some(chunk) => self.chunk = io::Cursor::new(chunk),
                None => return Ok(0),
            }
        }
    }
}

fn parse<T: DeserializeOwned>(
    from: impl Read,
    pieces: &mpsc::Sender<Piece<T>>,
) -> serde_json::Result<ListMeta> {
    serde_json::Deserializer::from_reader(io::BufReader::new(from)).deserialize_map(Answer(pieces))
}

/// The whole answer: a list has items, a table has rows.
struct Answer<'p, T>(&'p mpsc::Sender<Piece<T>>);

impl<'de, T: DeserializeOwned> Visitor<'de> for Answer<'_, T> {
    type Value = ListMeta;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ListMeta, A::Error> {
        let mut metadata = ListMeta::default();
        while let Some(field) = map.next_key::<String>()? {
            match field.as_str() {
                "metadata" => metadata = map.next_value()?,
                "columnDefinitions" => {
                    let columns: Option<Vec<Column>> = map.next_value()?;
                    hand_on(self.0, Piece::Columns(columns.unwrap_or_default()))?;
                }
                "items" | "rows" => map.next_value_seed(Batches(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(metadata)
    }
}

/// The items or rows.
struct Batches<'p, T>(&'p mpsc::Sender<Piece<T>>);

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Batches<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Batches<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("objects")
    }

    /// An empty table has `null` rows.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut objects: A) -> Result<(), A::Error> {
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(object) = objects.next_element()? {
            batch.push(object);
            if batch.len() == BATCH {
                hand_on(self.0, Piece::Batch(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))))?;
            }
        }
        hand_on(self.0, Piece::Batch(batch))
    }
}

fn hand_on<T, E: serde::de::Error>(pieces: &mpsc::Sender<Piece<T>>, piece: Piece<T>) -> Result<(), E> {
    pieces.blocking_send(piece).map_err(|_| E::custom("nobody wants the rest"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parsed(answer: &Value) -> (Vec<String>, Vec<Vec<u32>>, ListMeta) {
        let (pieces, mut arriving) = mpsc::channel(100);
        let metadata = parse::<u32>(answer.to_string().as_bytes(), &pieces).unwrap();
        drop(pieces);
        let (mut names, mut batches) = (Vec::new(), Vec::new());
        while let Ok(piece) = arriving.try_recv() {
            match piece {
                Piece::Columns(columns) => names.extend(columns.into_iter().map(|column| column.name)),
                Piece::Batch(batch) => batches.push(batch),
            }
        }
        (names, batches, metadata)
    }

    #[test]
    fn a_list_comes_in_batches() {
        let items: Vec<usize> = (0..=BATCH).collect();
        let (_, batches, metadata) =
            parsed(&json!({"kind": "List", "metadata": {"resourceVersion": "7"}, "items": items}));
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [BATCH, 1]);
        assert_eq!(metadata.resource_version.as_deref(), Some("7"));
    }

    #[test]
    fn a_table_names_its_columns_first_and_may_have_no_rows() {
        let columns = json!([{"name": "Name", "type": "string"}, {"name": "Ready"}]);
        let (names, batches, _) =
            parsed(&json!({"metadata": {}, "columnDefinitions": columns, "rows": [1, 2]}));
        assert_eq!((names, batches), (vec!["Name".to_owned(), "Ready".to_owned()], vec![vec![1, 2]]));
        assert!(parsed(&json!({"metadata": {}, "columnDefinitions": null, "rows": null})).1.is_empty());
    }

    #[test]
    fn half_an_answer_is_an_error() {
        let (pieces, _arriving) = mpsc::channel(100);
        assert!(parse::<u32>(&b"{\"metadata\": {}, \"items\": [1, 2"[..], &pieces).is_err());
    }
}
