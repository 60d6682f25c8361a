// Command receivers stands for what exports are sent to: a collector that decodes OTLP with the OpenTelemetry Collector's own code,
// and a syslog receiver with the parser that Telegraf and the Collector use. What it received it prints, one JSON line each.
//
//	receivers otlp
//	receivers syslog [certificate key]
package main

import (
	"compress/gzip"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/octetcounting"
	"github.com/leodido/go-syslog/v4/rfc5424"
	"go.opentelemetry.io/collector/pdata/plog"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: receivers otlp | syslog [certificate key]")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("{\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	switch os.Args[1] {
	case "otlp":
		log.Fatal(http.Serve(listener, http.HandlerFunc(otlp)))
	case "syslog":
		log.Fatal(syslogServer(listener, os.Args[2:]))
	}
}

func otlp(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(r)
	// An export request is what it holds; the package of the service itself would have all of gRPC compiled.
	var logs plog.Logs
	if err == nil {
		logs, err = new(plog.JSONUnmarshaler).UnmarshalLogs(body)
	}
	if err != nil || r.URL.Path != "/v1/logs" || r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, fmt.Sprint("not an export of logs: ", err), http.StatusBadRequest)
		return
	}
	resources := logs.ResourceLogs()
	for i := range resources.Len() {
		resource := resources.At(i)
		service, _ := resource.Resource().Attributes().Get("service.name")
		for j := range resource.ScopeLogs().Len() {
			records := resource.ScopeLogs().At(j).LogRecords()
			for k := range records.Len() {
				record := records.At(k)
				print(map[string]any{
					"encoding":   r.Header.Get("Content-Encoding"),
					"service":    service.AsString(),
					"time":       record.Timestamp().AsTime(),
					"severity":   record.SeverityNumber().String(),
					"event":      record.EventName(),
					"body":       record.Body().AsString(),
					"attributes": record.Attributes().AsRaw(),
					"traceId":    record.TraceID().String(),
					"spanId":     record.SpanID().String(),
				})
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := io.WriteString(w, `{"partialSuccess":{}}`); err != nil {
		log.Print(err)
	}
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	reader, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

func syslogServer(listener net.Listener, pair []string) error {
	if len(pair) == 2 {
		certificate, err := tls.LoadX509KeyPair(pair[0], pair[1])
		if err != nil {
			return err
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer connection.Close()
			if secure, ok := connection.(*tls.Conn); ok && secure.Handshake() != nil {
				return
			}
			parser := octetcounting.NewParser(
				syslog.WithMaxMessageLength(1<<20),
				syslog.WithListener(func(result *syslog.Result) {
					if result.Error != nil {
						if !errors.Is(result.Error, io.EOF) {
							print(map[string]any{"error": result.Error.Error()})
						}
						return
					}
					message := result.Message.(*rfc5424.SyslogMessage)
					print(map[string]any{
						"facility": message.Facility,
						"severity": message.Severity,
						"time":     message.Timestamp,
						"app":      message.Appname,
						"event":    message.MsgID,
						"data":     message.StructuredData,
						"message":  message.Message,
					})
				}),
			)
			parser.Parse(connection)
		}()
	}
}

func print(value any) {
	text, err := json.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
}
