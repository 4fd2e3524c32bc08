// The real Go ttrpc (the one containerd links) as a peer for the contract test: `serve SOCKET` answers, `call SOCKET`
// calls and prints one line per observation. StringValue{value = 1} has the wire form of StateRequest{id = 1}.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const service = "test.Probe"

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func one(ctx context.Context, unmarshal func(interface{}) error) (interface{}, error) {
	var in wrapperspb.StringValue
	if err := unmarshal(&in); err != nil {
		return nil, err
	}
	switch in.Value {
	case "missing":
		return nil, status.Error(codes.NotFound, "no such thing")
	case "metadata":
		value, _ := ttrpc.GetMetadataValue(ctx, "containerd-namespace-ttrpc")
		return wrapperspb.String(value), nil
	case "deadline":
		deadline, ok := ctx.Deadline()
		return wrapperspb.String(fmt.Sprint(ok && time.Until(deadline) > 3*time.Second && time.Until(deadline) <= 5*time.Second)), nil
	case "big":
		return wrapperspb.String(strings.Repeat("x", 3<<20)), nil
	}
	return wrapperspb.String("go:" + in.Value), nil
}

func gather(ctx context.Context, stream ttrpc.StreamServer) (interface{}, error) {
	var all []string
	for {
		var in wrapperspb.StringValue
		if err := stream.RecvMsg(&in); errors.Is(err, io.EOF) {
			return wrapperspb.String(strings.Join(all, "+")), nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, in.Value)
	}
}

func scatter(ctx context.Context, stream ttrpc.StreamServer) (interface{}, error) {
	var in wrapperspb.StringValue
	if err := stream.RecvMsg(&in); err != nil {
		return nil, err
	}
	for _, item := range strings.Split(in.Value, "+") {
		if item == "fail" {
			return nil, status.Error(codes.Aborted, "failed midway")
		}
		if err := stream.SendMsg(wrapperspb.String(item)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func both(ctx context.Context, stream ttrpc.StreamServer) (interface{}, error) {
	for {
		var in wrapperspb.StringValue
		if err := stream.RecvMsg(&in); errors.Is(err, io.EOF) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		if err := stream.SendMsg(wrapperspb.String(strings.ToUpper(in.Value))); err != nil {
			return nil, err
		}
	}
}

func serve(path string) {
	server, err := ttrpc.NewServer()
	must(err)
	server.RegisterService(service, &ttrpc.ServiceDesc{
		Methods: map[string]ttrpc.Method{"One": one},
		Streams: map[string]ttrpc.Stream{
			"Gather":  {Handler: gather, StreamingClient: true},
			"Scatter": {Handler: scatter, StreamingServer: true},
			"Both":    {Handler: both, StreamingClient: true, StreamingServer: true},
		},
	})
	listener, err := net.Listen("unix", path)
	must(err)
	must(server.Serve(context.Background(), listener))
}

func call(path string) {
	conn, err := net.Dial("unix", path)
	must(err)
	client := ttrpc.NewClient(conn)
	ctx := ttrpc.WithMetadata(context.Background(), ttrpc.MD{"containerd-namespace-ttrpc": {"k8s.io"}})
	unary := func(ctx context.Context, method, value string) {
		var out wrapperspb.StringValue
		err := client.Call(ctx, service, method, wrapperspb.String(value), &out)
		text := out.Value
		if len(text) > 100 {
			text = fmt.Sprintf("%d bytes", len(text))
		}
		s, _ := status.FromError(err)
		fmt.Printf("%s %s: %q %v %q\n", method, value, text, s.Code(), s.Message())
	}
	unary(ctx, "One", "a")
	unary(ctx, "One", "")
	unary(ctx, "One", "metadata")
	unary(ctx, "One", "missing")
	unary(ctx, "One", "big")
	unary(ctx, "One", "too big")
	unary(ctx, "Nothing", "a")
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	unary(limited, "One", "deadline")
	cancel()

	stream := func(method string, client_, server bool) ttrpc.ClientStream {
		desc := &ttrpc.StreamDesc{StreamingClient: client_, StreamingServer: server}
		var first interface{}
		if !client_ {
			first = wrapperspb.String("a++c")
		}
		s, err := client.NewStream(ctx, desc, service, method, first)
		must(err)
		return s
	}
	drain := func(method string, s ttrpc.ClientStream) {
		for {
			var out wrapperspb.StringValue
			err := s.RecvMsg(&out)
			if err != nil {
				fmt.Printf("%s ends: %v\n", method, err)
				return
			}
			fmt.Printf("%s: %q\n", method, out.Value)
		}
	}
	drain("Scatter", stream("Scatter", false, true))
	gathering := stream("Gather", true, false)
	for _, item := range []string{"a", "", "c"} {
		must(gathering.SendMsg(wrapperspb.String(item)))
	}
	must(gathering.CloseSend())
	drain("Gather", gathering)
	mixed := stream("Both", true, true)
	must(mixed.SendMsg(wrapperspb.String("a")))
	var out wrapperspb.StringValue
	must(mixed.RecvMsg(&out))
	fmt.Printf("Both: %q\n", out.Value)
	must(mixed.CloseSend())
	drain("Both", mixed)
	unary(ctx, "One", "last")
}

func main() {
	switch os.Args[1] {
	case "serve":
		serve(os.Args[2])
	case "call":
		call(os.Args[2])
	}
}
