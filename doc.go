// Package tosspaysam is the root of the bundle. It holds no code: the tests beside this file state the rules that the bundle
// keeps as a whole, about its imports, its template and the functions as they are built.
package tosspaysam
