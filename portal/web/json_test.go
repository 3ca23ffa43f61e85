package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"valise/portal/api"
)

func TestDecodeTakesExactlyOneKnownObject(t *testing.T) {
	const asJSON = "application/json"
	for _, test := range []struct {
		name, contentType, body string
		want                    int // 0: accepted
	}{
		{"as it should be", asJSON, `{"as": "S-7K2M9QXC/2", "log_in_secret": "AAEC"}`, 0},
		{"with a charset", "application/json; charset=UTF-8", `{"as": "x"}`, 0},
		{"with space around", asJSON, " {\"as\": \"x\"}\r\n\t", 0},
		{"brackets in a string", asJSON, `{"as": "[[[[[[[[[[[[{{{{{{{{{{\"["}`, 0},
		{"no content type", "", `{"as": "x"}`, 415},
		{"a form", "application/x-www-form-urlencoded", `as=x`, 415},
		{"text that may come from a form", "text/plain", `{"as": "x"}`, 415},
		{"another charset", "application/json; charset=iso-8859-1", `{"as": "x"}`, 415},
		{"nothing", asJSON, ``, 400},
		{"cut short", asJSON, `{"as": "x"`, 400},
		{"not JSON", asJSON, `as: x`, 400},
		{"an array", asJSON, `[]`, 400},
		{"an unknown field", asJSON, `{"as": "x", "admin": true}`, 400},
		{"something after it", asJSON, `{"as": "x"} {"as": "y"}`, 400},
		{"a bracket after it", asJSON, `{"as": "x"}]`, 400},
		{"another type", asJSON, `{"as": 1}`, 400},
		{"no base64", asJSON, `{"log_in_secret": "%%"}`, 400},
		{"not UTF-8", asJSON, "{\"as\": \"\xff\"}", 400},
		{"deep", asJSON, `{"as": ` + strings.Repeat("[", 9) + strings.Repeat("]", 9) + `}`, 400},
		{"very deep", asJSON, strings.Repeat("[", 50_000), 400},
		{"large", asJSON, `{"as": "` + strings.Repeat("x", api.MaxRequest) + `"}`, 413},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("POST", "/api/v1/login/unlock", strings.NewReader(test.body))
			r.Body = http.MaxBytesReader(w, r.Body, api.MaxRequest)
			r.Header.Del("Content-Type")
			if test.contentType != "" {
				r.Header.Set("Content-Type", test.contentType)
			}
			var request api.Unlock
			err := decode(w, r, &request)
			if test.want == 0 {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatalf("accepted as %+v", request)
			}
			f := judge(err)
			if f.status != test.want || f.code == "" || len(f.message) < 10 || f.reference != "" {
				t.Errorf("%+v, want status %d", f, test.want)
			}
		})
	}
}

func FuzzTooDeep(f *testing.F) {
	f.Add([]byte(`{"a":["\"[",{}]}`))
	f.Add([]byte(`[[[[[[[[[[`))
	f.Add([]byte(`"\`))
	f.Fuzz(func(t *testing.T, text []byte) { tooDeep(text) })
}
