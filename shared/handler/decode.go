package handler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// decode reads a request's JSON body strictly, and answers with what is wrong with it. timeField is the field that holds a time: the
// decoder does not say which one it was.
func decode(r Request, into any, timeField string) *Response {
	refuse := func(status int, code, field, message string) *Response {
		response := fieldResponse(status, code, field, message)
		return &response
	}
	if media, _, err := mime.ParseMediaType(header(r, "Content-Type")); err != nil || media != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "", "Content-Type must be application/json")
	}
	data, ok := body(r, bodyMax)
	if !ok {
		return refuse(http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE", "", fmt.Sprintf("the body must be at most %d bytes", bodyMax))
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return refuse(http.StatusBadRequest, "INVALID_FIELD", wrongType.Field, wrongType.Field+" must be "+jsonType(wrongType))
	case err != nil && strings.HasPrefix(err.Error(), "json: unknown field "):
		name := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
		return refuse(http.StatusBadRequest, "UNKNOWN_FIELD", name, "unknown field "+name)
	case err != nil && (strings.Contains(err.Error(), "parsing time") || strings.HasPrefix(err.Error(), "Time.UnmarshalJSON")):
		return refuse(http.StatusBadRequest, "INVALID_FIELD", timeField, timeField+" must be a time such as 2026-11-21T12:00:00+09:00")
	case err != nil:
		return refuse(http.StatusBadRequest, "INVALID_JSON", "", "the body must be one JSON object")
	case decoder.Decode(&struct{}{}) != io.EOF:
		return refuse(http.StatusBadRequest, "INVALID_JSON", "", "the body must be one JSON object and nothing after it")
	}
	return nil
}

func jsonType(e *json.UnmarshalTypeError) string {
	switch e.Type.Kind().String() {
	case "int", "int64":
		return "a whole number"
	case "string":
		return "a string"
	case "bool":
		return "true or false"
	}
	return "an object"
}
