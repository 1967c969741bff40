//! Long lists, page by page, so that only a little of every object has to be kept; as table rows where a
//! column tells enough.

use std::fmt::Debug;

use http::{HeaderValue, header};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{ApiResource, ListParams};
use kube::core::{ListMeta, request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Cluster;

/// As many as kubectl asks for at once.
const PAGE: u32 = 500;
const TABLE: HeaderValue = HeaderValue::from_static("application/json;as=Table;v=v1;g=meta.k8s.io");

/// Where a list has been read to.
#[derive(Debug, Default)]
pub struct Paging {
    token: Option<String>,
    is_over: bool,
}

impl Paging {
    /// What to ask the next page with; nothing after the last one.
    pub fn next(&self) -> Option<ListParams> {
        let params = ListParams { continue_token: self.token.clone(), ..ListParams::default().limit(PAGE) };
        (!self.is_over).then_some(params)
    }

    /// A page has come.
    pub fn turn(&mut self, metadata: &ListMeta) {
        self.token = metadata.continue_.clone().filter(|token| !token.is_empty());
        self.is_over = self.token.is_none();
    }
}

/// Hands every object that `api` lists to `take`. A kind that is not served has none.
pub async fn each<K>(api: &Api<K>, mut take: impl FnMut(K)) -> kube::Result<()>
where
    K: Clone + Debug + DeserializeOwned,
{
    let mut paging = Paging::default();
    while let Some(params) = paging.next() {
        let page = match api.list(&params).await {
            Err(error) if is_absent(&error) => break,
            page => page?,
        };
        paging.turn(&page.metadata);
        page.items.into_iter().for_each(&mut take);
    }
    Ok(())
}

/// The kind is not served: there are none of it.
pub fn is_absent(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// An object as its table shows it.
#[derive(Debug)]
pub struct Row {
    /// Name and namespace.
    pub metadata: ObjectMeta,
    /// What the column says, as text.
    pub cell: String,
}

#[derive(Deserialize)]
struct TablePage {
    metadata: ListMeta,
    #[serde(rename = "columnDefinitions", default)]
    columns: Vec<Named>,
    #[serde(default)]
    rows: Vec<Cells>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Cells {
    cells: Vec<Value>,
    object: Partial,
}

#[derive(Deserialize)]
struct Partial {
    metadata: ObjectMeta,
}

/// Hands every object of a kind to `take`, with what one column of `kubectl get` says of it. Whether there is
/// such a column.
pub async fn rows(
    cluster: &Cluster,
    resource: &ApiResource,
    column: &str,
    mut take: impl FnMut(Row),
) -> kube::Result<bool> {
    let path = format!("/apis/{}/{}", resource.api_version, resource.plural);
    let mut paging = Paging::default();
    while let Some(params) = paging.next() {
        let request = request::Request::new(&path).list(&params);
        let mut request = request.map_err(kube::Error::BuildRequest)?;
        request.headers_mut().insert(header::ACCEPT, TABLE);
        let page: TablePage = cluster.client.request(request).await?;
        let Some(place) = page.columns.iter().position(|named| named.name == column) else {
            return Ok(false);
        };
        paging.turn(&page.metadata);
        for Cells { mut cells, object } in page.rows.into_iter().filter(|row| row.cells.len() > place) {
            let cell = cells.swap_remove(place).as_str().unwrap_or_default().to_owned();
            take(Row { metadata: object.metadata, cell });
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_over_when_no_token_comes() {
        let mut paging = Paging::default();
        assert_eq!(paging.next().unwrap().limit, Some(PAGE));
        let page = |token: &str| ListMeta { continue_: Some(token.to_owned()), ..ListMeta::default() };
        paging.turn(&page("more"));
        assert_eq!(paging.next().unwrap().continue_token.as_deref(), Some("more"));
        paging.turn(&page(""));
        assert_eq!(paging.next(), None);
    }
}
