package openfga_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// client speaks to a server over HTTP and looks like OpenFGA's own client to OpenFGA's runners. It adds
// nothing: requests and answers are their messages in their JSON form.
type client struct {
	*server
	http *http.Client
}

func newClient(s *server) *client {
	return &client{s, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

// call sends a message to an end point and reads the answer into out.
func (c *client) call(ctx context.Context, path string, in, out proto.Message) error {
	body, err := c.send(ctx, path, in)
	if err != nil {
		return err
	}
	return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(body, out)
}

func (c *client) send(ctx context.Context, path string, in proto.Message) ([]byte, error) {
	body, err := protojson.Marshal(in)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.issuer+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	r.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= 300 {
		return nil, refusal(answer.StatusCode, text)
	}
	return text, nil
}

// refusal is an error of the HTTP API as the error of gRPC that it stands for.
func refusal(code int, text []byte) error {
	var e struct{ Code, Message string }
	if err := json.Unmarshal(text, &e); err != nil {
		return fmt.Errorf("status %d with a body that is no JSON: %s", code, text)
	}
	for _, names := range []map[string]int32{
		openfgav1.ErrorCode_value, openfgav1.NotFoundErrorCode_value, openfgav1.InternalErrorCode_value, openfgav1.AuthErrorCode_value,
	} {
		if n, ok := names[e.Code]; ok && n != 0 {
			return status.Error(codes.Code(n), e.Message)
		}
	}
	return status.Error(codes.Unknown, e.Code+": "+e.Message)
}

// CreateStore implements tests.ClientInterface, as do the methods that follow.
func (c *client) CreateStore(ctx context.Context, in *openfgav1.CreateStoreRequest, _ ...grpc.CallOption) (*openfgav1.CreateStoreResponse, error) {
	// The runners name stores after tests, which may be longer than a name or have white space around it.
	in = &openfgav1.CreateStoreRequest{Name: strings.TrimSpace(in.GetName()[:min(256, len(in.GetName()))])}
	out := new(openfgav1.CreateStoreResponse)
	return out, c.call(ctx, "/stores", in, out)
}

func (c *client) WriteAuthorizationModel(ctx context.Context, in *openfgav1.WriteAuthorizationModelRequest, _ ...grpc.CallOption) (*openfgav1.WriteAuthorizationModelResponse, error) {
	out := new(openfgav1.WriteAuthorizationModelResponse)
	return out, c.call(ctx, "/stores/"+in.GetStoreId()+"/authorization-models", in, out)
}

func (c *client) Write(ctx context.Context, in *openfgav1.WriteRequest, _ ...grpc.CallOption) (*openfgav1.WriteResponse, error) {
	out := new(openfgav1.WriteResponse)
	return out, c.call(ctx, "/stores/"+in.GetStoreId()+"/write", in, out)
}

func (c *client) Check(ctx context.Context, in *openfgav1.CheckRequest, _ ...grpc.CallOption) (*openfgav1.CheckResponse, error) {
	out := new(openfgav1.CheckResponse)
	return out, c.call(ctx, "/stores/"+in.GetStoreId()+"/check", in, out)
}

func (c *client) ListUsers(ctx context.Context, in *openfgav1.ListUsersRequest, _ ...grpc.CallOption) (*openfgav1.ListUsersResponse, error) {
	out := new(openfgav1.ListUsersResponse)
	return out, c.call(ctx, "/stores/"+in.GetStoreId()+"/list-users", in, out)
}

func (c *client) ListObjects(ctx context.Context, in *openfgav1.ListObjectsRequest, _ ...grpc.CallOption) (*openfgav1.ListObjectsResponse, error) {
	out := new(openfgav1.ListObjectsResponse)
	return out, c.call(ctx, "/stores/"+in.GetStoreId()+"/list-objects", in, out)
}

func (c *client) StreamedListObjects(ctx context.Context, in *openfgav1.StreamedListObjectsRequest, _ ...grpc.CallOption) (openfgav1.OpenFGAService_StreamedListObjectsClient, error) {
	body, err := c.send(ctx, "/stores/"+in.GetStoreId()+"/streamed-list-objects", in)
	if _, ok := status.FromError(err); err != nil && !ok {
		return nil, err
	}
	return &stream{lines: bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n")), err: err}, nil
}

// stream is an answer in lines. As with gRPC, a refusal comes out of the first Recv.
type stream struct {
	grpc.ClientStream
	lines [][]byte
	err   error
}

// Recv implements openfgav1.OpenFGAService_StreamedListObjectsClient.
func (s *stream) Recv() (*openfgav1.StreamedListObjectsResponse, error) {
	if s.err != nil {
		return nil, s.err
	}
	if len(s.lines) == 0 || len(s.lines[0]) == 0 {
		return nil, io.EOF
	}
	var line struct{ Result json.RawMessage }
	if err := json.Unmarshal(s.lines[0], &line); err != nil {
		return nil, err
	}
	s.lines = s.lines[1:]
	out := new(openfgav1.StreamedListObjectsResponse)
	return out, protojson.Unmarshal(line.Result, out)
}
