//! A list of one kind, batch by batch. Of kinds with ten thousand objects the server sends table rows, as for
//! kubectl: of an object that is as usual its uid is told, and only the others are read whole.

use std::fmt::Debug;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderValue, Request, header};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ListParams;
use kube::core::{ListMeta, request};
use kube::{Api, Client, Error};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::arriving::{Arriving, Column, Piece};
use crate::certmanager::slim;

/// Objects in one answer. The server has it in its cache; each answer after the first one is read from etcd
/// again, with ten times the work.
const ANSWER: u32 = 10_000;
/// Where more objects of a batch are not as usual, whole objects are less work than one by one.
const FEW: usize = 50;
const AT_ONCE: usize = 16;
const TABLE: HeaderValue = HeaderValue::from_static("application/json;as=Table;v=v1;g=meta.k8s.io");

/// How a kind is known from its table.
pub(super) struct Rows {
    /// The columns that are needed; a server that does not have them is asked for whole objects.
    pub(super) columns: &'static [&'static str],
    /// The object is as usual, by its cells in those columns: nobody has to know more of it.
    pub(super) is_usual: fn(&ObjectMeta, &[&str]) -> bool,
}

/// A part of a list.
#[derive(Debug)]
pub(super) struct Batch<K> {
    pub(super) objects: Vec<K>,
    /// The uids of those that are as usual.
    pub(super) usual: Vec<String>,
}

/// A list that is being read. Nothing of it is kept.
pub(super) struct Pages<K: 'static> {
    client: Client,
    path: String,
    params: ListParams,
    rows: Option<&'static Rows>,
    version: String,
    answer: Option<Answer<K>>,
    done: bool,
}

/// Rows, with the places of the columns; or whole objects.
enum Answer<K> {
    Rows(Arriving<Row>, Vec<usize>),
    Whole(Arriving<K>),
}

impl<K: DeserializeOwned + Send + 'static> Pages<K> {
    /// Of the objects that `api` lists.
    pub(super) fn of(api: &Api<K>, params: ListParams, rows: Option<&'static Rows>) -> Self
    where
        K: kube::Resource + Clone + Debug,
    {
        Self::at(api.clone().into_client(), api.resource_url().to_owned(), params, rows)
    }

    /// Of the objects below a path, each read as `K`.
    pub(super) fn at(client: Client, path: String, params: ListParams, rows: Option<&'static Rows>) -> Self {
        let params = params.limit(ANSWER);
        Self { client, path, params, rows, version: String::new(), answer: None, done: false }
    }

    /// Where a watch goes on from, once there are no more pages.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// The next batch; nothing after the last one.
    pub(super) async fn next(&mut self) -> kube::Result<Option<Batch<K>>> {
        while !self.done {
            let answer = match self.answer.take() {
                Some(answer) => answer,
                None => self.ask().await?,
            };
            let batch = match answer {
                Answer::Rows(arriving, places) => self.rows(arriving, places).await?,
                Answer::Whole(arriving) => self.whole(arriving).await?,
            };
            if batch.is_some() {
                return Ok(batch);
            }
        }
        Ok(None)
    }

    async fn ask(&self) -> kube::Result<Answer<K>> {
        let list = request::Request::new(&self.path).list(&self.params);
        let mut request = list.map_err(Error::BuildRequest)?;
        if self.rows.is_none() {
            return Arriving::ask(&self.client, request).await.map(Answer::Whole);
        }
        request.headers_mut().insert(header::ACCEPT, TABLE);
        Arriving::ask(&self.client, request).await.map(|arriving| Answer::Rows(arriving, Vec::new()))
    }

    async fn whole(&mut self, mut arriving: Arriving<K>) -> kube::Result<Option<Batch<K>>> {
        while let Some(piece) = arriving.next().await {
            if let Piece::Batch(batch) = piece {
                self.answer = Some(Answer::Whole(arriving));
                return Ok(Some(Batch { objects: batch, usual: Vec::new() }));
            }
        }
        self.turn(arriving.end().await?);
        Ok(None)
    }

    /// A table that tells too little is dropped, and its objects are asked for as a whole.
    async fn rows(
        &mut self,
        mut arriving: Arriving<Row>,
        mut places: Vec<usize>,
    ) -> kube::Result<Option<Batch<K>>> {
        let Some(rows) = self.rows else { return Ok(None) };
        while let Some(piece) = arriving.next().await {
            match piece {
                Piece::Columns(columns) => match rows.places(&columns) {
                    Some(found) => places = found,
                    None => return Ok(self.read_whole()),
                },
                Piece::Batch(_) if places.is_empty() => return Ok(self.read_whole()),
                Piece::Batch(batch) => {
                    let (usual, others) = rows.sort(batch, &places);
                    if others.len() > FEW {
                        return Ok(self.read_whole());
                    }
                    let objects = self.each(others).await?;
                    self.answer = Some(Answer::Rows(arriving, places));
                    return Ok(Some(Batch { objects, usual }));
                }
            }
        }
        self.turn(arriving.end().await?);
        Ok(None)
    }

    /// The same list is asked for once more, whole; what has arrived so far comes again.
    fn read_whole(&mut self) -> Option<Batch<K>> {
        self.rows = None;
        None
    }

    /// Objects one by one; those that are gone meanwhile are none.
    async fn each(&self, names: Vec<Name>) -> kube::Result<Vec<K>> {
        let get = |(namespace, name): Name| async move {
            let request = Request::get(self.path_of(namespace.as_deref(), &name));
            let request = request
                .body(Vec::new())
                .map_err(|error| Error::BuildRequest(request::Error::BuildRequest(error)))?;
            match self.client.request::<K>(request).await {
                Err(Error::Api(status)) if status.code == 404 => Ok(None),
                object => object.map(Some),
            }
        };
        let found = stream::iter(names).map(get).buffer_unordered(AT_ONCE);
        found.try_filter_map(async |object| Ok(object)).try_collect().await
    }

    /// The path of an object, from that of the list of all namespaces or of its own.
    fn path_of(&self, namespace: Option<&str>, name: &str) -> String {
        let (base, plural) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        match namespace.filter(|_| !base.contains("/namespaces/")) {
            Some(namespace) => format!("{base}/namespaces/{namespace}/{plural}/{name}"),
            None => format!("{base}/{plural}/{name}"),
        }
    }

    fn turn(&mut self, metadata: ListMeta) {
        self.version = metadata.resource_version.unwrap_or_default();
        self.params.continue_token = metadata.continue_.filter(|token| !token.is_empty());
        self.done = self.params.continue_token.is_none();
    }
}

#[derive(Deserialize)]
struct Row {
    cells: Vec<Value>,
    object: Partial,
}

#[derive(Deserialize)]
struct Partial {
    #[serde(deserialize_with = "slim::metadata")]
    metadata: ObjectMeta,
}

type Name = (Option<String>, String);

impl Rows {
    /// Where the columns stand.
    fn places(&self, columns: &[Column]) -> Option<Vec<usize>> {
        let place = |name: &&str| columns.iter().position(|column| column.name == **name);
        self.columns.iter().map(place).collect()
    }

    /// The uids of what is as usual, and the names of the others.
    fn sort(&self, rows: Vec<Row>, places: &[usize]) -> (Vec<String>, Vec<Name>) {
        let (mut usual, mut others) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            let metadata = row.object.metadata;
            let cell = |place: &usize| row.cells.get(*place).and_then(Value::as_str).unwrap_or_default();
            let cells: Vec<&str> = places.iter().map(cell).collect();
            if (self.is_usual)(&metadata, &cells) {
                usual.extend(metadata.uid);
            } else {
                others.push((metadata.namespace, metadata.name.unwrap_or_default()));
            }
        }
        (usual, others)
    }
}

#[cfg(test)]
mod tests;
