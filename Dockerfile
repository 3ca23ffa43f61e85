# The image holds one static binary and the certificates of public authorities, and runs as nobody in particular. It writes nothing:
# run it with a read-only root.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN make build

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/bin/valise /valise
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/valise"]
CMD ["serve"]
