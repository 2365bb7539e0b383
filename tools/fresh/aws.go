package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// uploadMax bounds a request's body: five programs of 3.5 MB each come one by one.
const uploadMax = 32 << 20

// stub answers the requests to CloudFormation, S3 and Lambda that a sync makes, as a stack would that is there and takes every update. It keeps
// the programs that are uploaded, by the function's folder as Go has written it into each.
type stub struct {
	*httptest.Server
	mu       sync.Mutex
	programs map[string][]byte
	objects  map[string][]byte // S3's, by key
	requests []string
}

func startStub() *stub {
	s := &stub{programs: map[string][]byte{}, objects: map[string][]byte{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", s.cloudFormation)
	mux.HandleFunc("GET /2015-03-31/functions/{name}", s.function)
	mux.HandleFunc("GET /2015-03-31/functions/{name}/configuration", s.function)
	mux.HandleFunc("PUT /2015-03-31/functions/{name}/code", s.updateCode)
	mux.HandleFunc("PUT /bucket/{key...}", s.put)
	mux.HandleFunc("GET /bucket/{key...}", s.get)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			s.note(r.Method + " " + r.URL.String())
		}
		mux.ServeHTTP(w, r)
	}))
	return s
}

func (s *stub) note(request string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request)
}

// log is what was asked, for a failure's report.
func (s *stub) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.requests, "\n")
}

func (s *stub) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.programs)
	s.requests = nil
}

// without names the functions whose last upload does not hold the text, and those that had none.
func (s *stub) without(text string) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, folder := range functions {
		if !bytes.Contains(s.programs[folder], []byte(text)) {
			names = append(names, folder)
		}
	}
	return names
}

// keep takes the program out of a zip; what is no zip of a program, such as the template, is not kept.
func (s *stub) keep(data []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil
	}
	if len(archive.File) != 1 || archive.File[0].Name != "bootstrap" {
		return fmt.Errorf("a zip of %d files, want bootstrap alone", len(archive.File))
	}
	file, err := archive.File[0].Open()
	if err != nil {
		return err
	}
	program, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.programs[path.Base(info.Path)] = program
	return nil
}

func (s *stub) function(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	sum := sha256.Sum256(s.objects[r.PathValue("name")])
	s.mu.Unlock()
	about := map[string]any{"FunctionName": r.PathValue("name"), "State": "Active", "LastUpdateStatus": "Successful",
		"CodeSha256": base64.StdEncoding.EncodeToString(sum[:])}
	if !strings.HasSuffix(r.URL.Path, "/configuration") {
		about = map[string]any{"Configuration": about, "Code": map[string]any{}}
	}
	_ = json.NewEncoder(w).Encode(about)
}

func (s *stub) updateCode(w http.ResponseWriter, r *http.Request) {
	var update struct{ ZipFile []byte }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, uploadMax)).Decode(&update); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.store(w, r.PathValue("name"), update.ZipFile)
	_, _ = io.WriteString(w, "{}")
}

func (s *stub) put(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, uploadMax))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.store(w, r.PathValue("key"), data)
}

func (s *stub) store(w http.ResponseWriter, key string, data []byte) {
	if err := s.keep(data); err != nil {
		s.note(key + ": " + err.Error())
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = data
}

func (s *stub) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, found := s.objects[r.PathValue("key")]
	if !found {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_, _ = w.Write(data)
}

// cloudFormation is a stack that is there, holds every function under its logical id, and has taken each update when it is asked.
func (s *stub) cloudFormation(w http.ResponseWriter, r *http.Request) {
	action := r.FormValue("Action")
	s.note(action)
	now := time.Now().UTC().Format(time.RFC3339)
	const arn = "arn:aws:cloudformation:ap-northeast-2:000000000000:stack/tosspay-sam/1"
	stack := "<StackId>" + arn + "</StackId><StackName>tosspay-sam</StackName>"
	inner, known := map[string]string{
		"DescribeStacks": "<Stacks><member>" + stack + "<StackStatus>UPDATE_COMPLETE</StackStatus><CreationTime>" + now +
			"</CreationTime></member></Stacks>",
		"DescribeStackEvents": "<StackEvents><member>" + stack + "<EventId>" + now + "</EventId><Timestamp>" + now +
			"</Timestamp><PhysicalResourceId>" + arn + "</PhysicalResourceId><LogicalResourceId>tosspay-sam</LogicalResourceId><ResourceType>AWS::CloudFormation::Stack</ResourceType>" +
			"<ResourceStatus>UPDATE_COMPLETE</ResourceStatus></member></StackEvents>",
		"GetTemplateSummary": "<Parameters></Parameters>",
		"UpdateStack":        "<StackId>" + arn + "</StackId>",
		"ListStackResources": "<StackResourceSummaries>" + s.resources(now) + "</StackResourceSummaries>",
	}[action]
	if !known {
		w.WriteHeader(http.StatusBadRequest)
		inner = "<Error><Type>Sender</Type><Code>ValidationError</Code><Message>not answered here: " + action + "</Message></Error>"
		_, _ = io.WriteString(w, `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">`+inner+"</ErrorResponse>")
		return
	}
	_, _ = fmt.Fprintf(w, `<%[1]sResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>`,
		action, inner)
}

func (s *stub) resources(now string) string {
	var all strings.Builder
	for _, folder := range slices.Sorted(slices.Values(functions)) {
		fmt.Fprintf(&all, "<member><LogicalResourceId>%[1]s</LogicalResourceId><PhysicalResourceId>%[1]s</PhysicalResourceId>"+
			"<ResourceType>AWS::Lambda::Function</ResourceType><ResourceStatus>UPDATE_COMPLETE</ResourceStatus>"+
			"<LastUpdatedTimestamp>%[2]s</LastUpdatedTimestamp></member>", logical(folder), now)
	}
	return all.String()
}
