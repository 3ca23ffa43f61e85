# The image holds one static binary and the certificates of public authorities, and runs as nobody in particular. It writes nothing
# but what is told to: run it with a read-only root. /var/lib/valise is empty and belongs to the user that it runs as, and so does a volume that is made for it.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN make build
RUN mkdir -p /state/valise

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/bin/valise /valise
COPY --from=build --chown=65532:65532 /state/ /var/lib/
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/valise"]
CMD ["serve"]
