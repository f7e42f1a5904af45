/** What a request to the API server asks for, by the rules of Kubernetes' RequestInfoFactory. */
export interface RequestInfo {
  readonly isResource: boolean;
  /** get, list, watch, create, update, patch, delete, deletecollection; the method in lower case for non-resources. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** Rebuilt from the parsed segments. */
  readonly path: string;
  /** Rebuilt, in order, without `?`. */
  readonly query: string;
  /** path and query: what is sent. */
  readonly target: string;
  readonly watch: boolean;
  readonly dryRun: boolean;
}
