// Package events holds the JSON Schemas of what merchants are sent, one file for each type of event. Those in released are the ones of the
// last release: a consumer that was written for them must go on working.
package events

import "embed"

// Schemas are the files <type>.json and released/<type>.json.
//
//go:embed *.json released/*.json
var Schemas embed.FS
