// SPDX-License-Identifier: Apache-2.0
// A module that Vite bundles into a worker whose source the page carries.
declare module "*?worker&inline" {
  const Inlined: new () => Worker;
  export default Inlined;
}
